/** The form by which a signed-in inspector reports a paper that does not match, with a photo or without. */

import type { Report } from "./outbox.js";

const SIDE_PX = 1_600;
const QUALITY = 0.8;
const CHUNK = 0x8000;

/** Follow the form on a verdict, if there is one; what is sent goes to `send`. */
export function followReport(page: ParentNode, code: string, send: (report: Report) => Promise<void>): void {
  const form = page.querySelector<HTMLFormElement>("form.report");
  if (form === null) return;
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const data = new FormData(form);
    const photo = await smallPhoto(data.get("photo"));
    const report = { code, finding: String(data.get("finding")), note: String(data.get("note")) };
    await send(photo === null ? report : { ...report, photo });
    form.dataset["sent"] = "true";
  });
}

/** The photo as a JPEG of moderate size in base64, without what the phone wrote into it; null for none. */
async function smallPhoto(file: FormDataEntryValue | null): Promise<string | null> {
  if (!(file instanceof Blob) || file.size === 0) return null;
  const picture = await createImageBitmap(file).catch(() => null);
  if (picture === null) return null;
  const scale = Math.min(1, SIDE_PX / Math.max(picture.width, picture.height));
  const canvas = new OffscreenCanvas(Math.round(picture.width * scale), Math.round(picture.height * scale));
  canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const drawn = await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
  return base64(new Uint8Array(await drawn.arrayBuffer()));
}

function base64(data: Uint8Array): string {
  let text = "";
  for (let at = 0; at < data.length; at += CHUNK) text += String.fromCharCode(...data.subarray(at, at + CHUNK));
  return btoa(text);
}
