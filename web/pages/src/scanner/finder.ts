/** The viewfinder: the camera with its buttons, and the codes that come into its view. */

import { found } from "../screen.js";
import { Camera } from "./camera.js";
import type { Reader } from "./reading.js";
import { choose, Seen } from "./seen.js";
import { notice } from "./strip.js";

const root = found(document, "#scanner");
const zoom = found(document, "#zoom") as HTMLInputElement;
const torch = found(document, "#torch") as HTMLInputElement;

export class Finder {
  readonly #camera = new Camera(found(document, "#camera") as HTMLVideoElement);
  readonly #seen = new Seen();
  readonly #reader: Reader;
  readonly #onCode: (code: string) => void;
  #wanted = false;

  /** `onCode` hears of every code that comes into view, once for as long as it stays there. */
  constructor(reader: Reader, onCode: (code: string) => void) {
    this.#reader = reader;
    this.#onCode = onCode;
    found(document, "#start").addEventListener("click", () => this.start());
    found(document, "#stop").addEventListener("click", () => this.stop());
    torch.addEventListener("change", () => this.#camera.set({ torch: torch.checked }));
    zoom.addEventListener("input", () => this.#camera.set({ zoom: zoom.valueAsNumber }));
    document.addEventListener("visibilitychange", () => this.#onVisibility());
  }

  async start(): Promise<void> {
    this.#wanted = true;
    root.dataset["state"] = "starting";
    void this.#reader.prepare();
    const trouble = await this.#camera.start((video) => this.#look(video));
    root.dataset["state"] = trouble ?? (this.#camera.on ? "scanning" : "off");
    this.#offer();
  }

  stop(): void {
    this.#wanted = false;
    this.#camera.stop();
    root.dataset["state"] = "off";
  }

  /** Announce the next code even if it is the one that was in view. */
  again(): void {
    this.#seen.forget();
  }

  /** Start without being asked where the inspector has allowed it before. */
  async startIfAllowed(): Promise<void> {
    const camera = { name: "camera" } as unknown as PermissionDescriptor;
    const permission = await navigator.permissions?.query(camera).catch(() => null);
    if (permission?.state === "granted") await this.start();
  }

  async #look(video: HTMLVideoElement): Promise<void> {
    const read = await this.#reader.readFrame(video).catch(() => null);
    notice("reader", read === null);
    const codes = read ?? [];
    const code = choose(codes, location.origin);
    notice("several", codes.length > 0 && code === null);
    if (code !== null && this.#seen.isNew(code, performance.now())) this.#onCode(code);
  }

  /** A phone in the pocket keeps no camera on. */
  #onVisibility(): void {
    if (document.visibilityState === "hidden") this.#camera.stop();
    else if (this.#wanted && !this.#camera.on) void this.start();
  }

  #offer(): void {
    const { torch: light, zoom: range } = this.#camera.offered;
    found(document, "[data-offered=torch]").hidden = light !== true;
    found(document, "[data-offered=zoom]").hidden = range === undefined;
    torch.checked = false;
    if (range === undefined) return;
    Object.assign(zoom, { min: range.min, max: range.max, step: range.step, value: range.min });
  }
}
