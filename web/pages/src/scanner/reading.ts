/** Reads QR codes out of pictures: by the browser itself where it can, else by ZXing beside the page. */

/** What the browsers that have it call BarcodeDetector (W3C Shape Detection). */
interface Detector {
  detect(picture: ImageBitmapSource): Promise<readonly { readonly rawValue: string }[]>;
}

interface DetectorClass {
  new (options: { formats: readonly string[] }): Detector;
  getSupportedFormats(): Promise<readonly string[]>;
}

interface Answer {
  readonly id: number;
  readonly codes: readonly string[] | null;
}

const FORMAT = "qr_code";
const FRAME_PX = 1_280;
const PICTURE_PX = 2_400;
const POLICY = "khoso-scanner";

/** Where the worker and its WebAssembly are. */
export interface Decoder {
  readonly script: string;
  readonly wasm: string;
}

export class Reader {
  readonly #decoder: Decoder;
  readonly #waiting = new Map<number, (codes: readonly string[] | null) => void>();
  readonly #detector: Promise<Detector | null> = makeDetector();
  #worker: Worker | null = null;
  #asked = 0;
  #dead = false;

  constructor(decoder: Decoder) {
    this.#decoder = decoder;
  }

  /** Have ZXing ready before it is needed, where the browser cannot read codes itself. */
  async prepare(): Promise<void> {
    if ((await this.#detector) === null) this.#start();
  }

  #start(): Worker {
    if (this.#worker !== null) return this.#worker;
    const worker = new Worker(scriptUrl(this.#decoder.script), { type: "module", name: this.#decoder.wasm });
    worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => this.#settle(data));
    worker.addEventListener("error", () => this.#giveUp());
    this.#worker = worker;
    return worker;
  }

  /** The codes in the present frame of a video. Throws where there is nothing to read them with. */
  async readFrame(video: HTMLVideoElement): Promise<readonly string[]> {
    const detector = await this.#detector;
    if (detector !== null) return await detect(detector, video);
    return await this.#decode(await shrunk(video, video.videoWidth, video.videoHeight, FRAME_PX), false);
  }

  /** The codes in a picture from the phone. Throws for what is no picture. */
  async readPicture(file: Blob): Promise<readonly string[]> {
    const picture = await createImageBitmap(file);
    const detector = await this.#detector;
    const detected = detector === null ? [] : await detect(detector, picture);
    if (detected.length > 0) return detected;
    return await this.#decode(await shrunk(picture, picture.width, picture.height, PICTURE_PX), true);
  }

  #decode(picture: ImageBitmap, thorough: boolean): Promise<readonly string[]> {
    const id = ++this.#asked;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, (codes) => (codes === null ? reject(new Error("no reader")) : resolve(codes)));
      if (this.#dead) this.#settle({ id, codes: null });
      else this.#start().postMessage({ id, picture, thorough }, [picture]);
    });
  }

  #settle({ id, codes }: Answer): void {
    this.#waiting.get(id)?.(codes);
    this.#waiting.delete(id);
  }

  #giveUp(): void {
    this.#dead = true;
    for (const id of [...this.#waiting.keys()]) this.#settle({ id, codes: null });
  }
}

/** A script of this page's own, as the policy of the page asks: no other text becomes one. */
export function scriptUrl(path: string): string {
  if (!path.startsWith("/") || path.startsWith("//")) throw new TypeError(path);
  return (policy?.createScriptURL(path) ?? path) as string;
}

interface TrustedTypes {
  createPolicy(name: string, rules: object): { createScriptURL(url: string): unknown };
}

const policy = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy(POLICY, {
  createScriptURL: (url: string) => url,
});

async function makeDetector(): Promise<Detector | null> {
  const Kind = (globalThis as { BarcodeDetector?: DetectorClass }).BarcodeDetector;
  const formats = (await Kind?.getSupportedFormats().catch(() => [])) ?? [];
  return Kind !== undefined && formats.includes(FORMAT) ? new Kind({ formats: [FORMAT] }) : null;
}

const detect = async (detector: Detector, picture: ImageBitmapSource): Promise<readonly string[]> =>
  (await detector.detect(picture).catch(() => [])).map(({ rawValue }) => rawValue);

/** The picture, made smaller if its longer side is longer than `most`. */
function shrunk(picture: ImageBitmapSource, width: number, height: number, most: number): Promise<ImageBitmap> {
  if (Math.max(width, height) <= most) return createImageBitmap(picture);
  const size = width > height ? { resizeWidth: most } : { resizeHeight: most };
  return createImageBitmap(picture, { resizeQuality: "medium", ...size });
}
