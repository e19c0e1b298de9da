/** Finds QR codes in pictures, beside the page: ZXing in WebAssembly. Its name in the address brings that of the wasm. */

import { prepareZXingModule, type ReaderOptions, readBarcodes } from "zxing-wasm/reader";

declare const self: DedicatedWorkerGlobalScope;

/** What the page asks: the codes in a frame of the camera, or in a whole picture for which there is more time. */
interface Asked {
  readonly id: number;
  readonly picture: ImageBitmap;
  readonly thorough: boolean;
}

const QUICK: ReaderOptions = { formats: ["QRCode"], maxNumberOfSymbols: 3, tryHarder: true, tryInvert: false };
const THOROUGH: ReaderOptions = { ...QUICK, tryInvert: true, tryDenoise: true };

const wasm = self.name;
const ready = prepareZXingModule({ overrides: { locateFile: () => wasm }, fireImmediately: true });
let canvas: OffscreenCanvasRenderingContext2D | null = null;

self.addEventListener("message", async ({ data }: MessageEvent<Asked>) => {
  let codes: readonly string[] | null = null;
  try {
    await ready;
    const found = await readBarcodes(pixels(data.picture), data.thorough ? THOROUGH : QUICK);
    codes = found.filter((one) => one.isValid).map((one) => one.text);
  } catch {
    // a picture that cannot be read, or no memory for it: the page is told so
  }
  self.postMessage({ id: data.id, codes });
});

function pixels(picture: ImageBitmap): ImageData {
  const { width, height } = picture;
  if (canvas === null || canvas.canvas.width !== width || canvas.canvas.height !== height) {
    canvas = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  }
  if (canvas === null) throw new Error("no canvas");
  canvas.drawImage(picture, 0, 0);
  picture.close();
  return canvas.getImageData(0, 0, width, height);
}
