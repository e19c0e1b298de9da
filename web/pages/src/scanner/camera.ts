/** The camera: on and off, torch and zoom where the phone has them, and one picture after the other. */

const WANTED: MediaStreamConstraints = {
  video: { facingMode: { ideal: "environment" }, width: { ideal: 1_920 }, height: { ideal: 1_080 } },
};
const PAUSE_MS = 60;

/** What a phone's camera may offer beside pictures (W3C Image Capture); not yet in the compiler's types. */
interface Offered {
  readonly torch?: boolean;
  readonly zoom?: { readonly min: number; readonly max: number; readonly step: number };
}

/** Why there is no picture; each has its words in the page. */
export type Trouble = "denied" | "absent" | "busy" | "insecure";

export class Camera {
  readonly #video: HTMLVideoElement;
  #track: MediaStreamTrack | null = null;
  #turn = 0;

  constructor(video: HTMLVideoElement) {
    this.#video = video;
  }

  get on(): boolean {
    return this.#track !== null;
  }

  /** Switch on; `look` is given one frame after the other until it is switched off. Null, or what is in the way. */
  async start(look: (video: HTMLVideoElement) => Promise<void>): Promise<Trouble | null> {
    const turn = ++this.#turn;
    try {
      if (navigator.mediaDevices === undefined) return "insecure";
      const stream = await navigator.mediaDevices.getUserMedia(WANTED);
      if (turn !== this.#turn) {
        stop(stream);
        return null;
      }
      this.#track = stream.getVideoTracks()[0] ?? null;
      this.#track?.addEventListener("ended", () => this.stop());
      this.#video.srcObject = stream;
      await this.#video.play();
    } catch (error) {
      this.stop();
      return troubleOf(error);
    }
    void this.#keepLooking(turn, look);
    return null;
  }

  stop(): void {
    this.#turn++;
    stop(this.#video.srcObject);
    this.#video.srcObject = null;
    this.#track = null;
  }

  get offered(): Offered {
    return (this.#track?.getCapabilities?.() ?? {}) as Offered;
  }

  /** Set torch or zoom; what the phone refuses stays as it was. */
  async set(what: { readonly torch: boolean } | { readonly zoom: number }): Promise<void> {
    await this.#track?.applyConstraints({ advanced: [what as MediaTrackConstraintSet] }).catch(() => undefined);
  }

  async #keepLooking(turn: number, look: (video: HTMLVideoElement) => Promise<void>): Promise<void> {
    while (turn === this.#turn) {
      if (this.#video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) await look(this.#video);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

function stop(stream: unknown): void {
  if (stream instanceof MediaStream) for (const track of stream.getTracks()) track.stop();
}

function troubleOf(error: unknown): Trouble {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "denied";
  return name === "NotFoundError" || name === "OverconstrainedError" ? "absent" : "busy";
}
