/**
 * Keeps the scanner's page, its files and the city's lists, so that it starts without a network from the first time on.
 *
 * The server writes the list of files before this script (pages/scanner.py): another page or file makes another script,
 * and a browser that finds one installs it beside the present one, whole or not at all.
 */

import { cleanupOutdatedCaches, precacheAndRoute } from "workbox-precaching";
import { Storage } from "../src/scanner/storage.js";

declare const self: ServiceWorkerGlobalScope & {
  readonly __WB_MANIFEST: (string | { url: string; revision: string })[];
};

cleanupOutdatedCaches();
precacheAndRoute(self.__WB_MANIFEST, { ignoreURLParametersMatching: [/./], cleanURLs: false, directoryIndex: "" });

self.addEventListener("install", (event) => event.waitUntil(keepFirstLists()));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => {
  if (event.data === "take over") void self.skipWaiting();
});

/** Without lists there is nothing to install. The page checks them, and fetches newer ones itself. */
async function keepFirstLists(): Promise<void> {
  const storage = new Storage();
  if ((await storage.get("bundle")) !== undefined) return;
  const response = await fetch("/lists/bundle", { cache: "no-store", credentials: "omit" });
  if (!response.ok) throw new Error(`lists: ${response.status}`);
  const data = new Uint8Array(await response.arrayBuffer());
  await storage.put("bundle", { data, etag: response.headers.get("etag") ?? "" });
}
