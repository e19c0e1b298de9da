/**
 * The verify page: judges the code in the fragment by itself, asks the server, and shows one answer.
 *
 * Nothing of the code goes anywhere but into that one request: not into the history, the title, the storage or a
 * referrer.
 */

import type { VerdictView } from "@khoso/verifier";
import { together } from "./answering.js";
import { openCity } from "./city.js";
import { copyOf, found } from "./screen.js";
import { ask } from "./server.js";

const STALE_MS = 60_000; // a green answer is about now; seen again later it is asked again
const PATIENCE_MS = 3_000; // so long one answer waits for the other, and an old list for a newer one
const MAX_CODE = 2_500; // longer than any official code, so that the server still answers "too long"

const result = found(document, "#result");
const city = openCity();
let latest = 0;
let checkedAt = Number.NEGATIVE_INFINITY;

async function check(): Promise<void> {
  const mine = ++latest;
  const code = location.hash.length > 1 ? `${location.origin}/v${location.hash}`.slice(0, MAX_CODE) : null;
  found(document, "#lookup").hidden = code !== null;
  if (code === null) return result.replaceChildren();
  result.replaceChildren(copyOf("checking"));
  await answer(code, (page) => {
    if (mine === latest) show(page);
  });
}

/** Show what both answer; before that, if the server lets wait, what this browser answers alone. */
async function answer(code: string, show: (page: DocumentFragment) => void): Promise<void> {
  const [asked, judged] = [ask(code), judge(code)];
  const server = await Promise.race([asked, after(PATIENCE_MS)]);
  const own = (await Promise.race([judged, after(PATIENCE_MS)])) ?? null;
  if (server !== undefined) return show(together(own, server));
  if (own !== null) show(together(own, "no_network"));
  show(together(own, await asked));
}

/** This browser's own answer; null where it cannot judge at all, for want of lists or of WebCrypto. */
async function judge(code: string): Promise<VerdictView | null> {
  await Promise.race([city.refresh(), after(PATIENCE_MS)]);
  const start = performance.now();
  const view = await city.judge(code).catch(() => null);
  performance.measure("judge", { start });
  return view;
}

const after = (ms: number): Promise<undefined> => new Promise((resolve) => setTimeout(resolve, ms, undefined));

function show(page: DocumentFragment): void {
  checkedAt = performance.now();
  result.replaceChildren(page, copyOf("again"));
  found(result, ".again button").addEventListener("click", check);
  found(result, "h1").focus({ preventScroll: true });
  scrollTo(0, 0);
}

addEventListener("hashchange", check);
document.addEventListener("visibilitychange", () => {
  const stale = performance.now() - checkedAt > STALE_MS;
  if (document.visibilityState === "visible" && stale && location.hash.length > 1) check();
});
city.refresh();
check();
