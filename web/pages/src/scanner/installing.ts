/** Installs the service worker, by which the scanner starts without a network, and changes over to a newer one. */

import { found } from "../screen.js";
import { scriptUrl } from "./reading.js";
import { notice } from "./strip.js";

const HOUR_MS = 3_600_000;

/** Install, tell when everything is there, and look for newer versions. `idle` says whether nothing is being read. */
export async function install(script: string, idle: () => boolean): Promise<void> {
  const workers = navigator.serviceWorker;
  if (workers === undefined) return; // outside a secure context, or forbidden by the browser
  const had = workers.controller !== null;
  workers.addEventListener("controllerchange", () => {
    if (had) location.reload(); // another version's files are there now
  });
  const registration = await workers.register(scriptUrl(script), { scope: "/scan", updateViaCache: "none" });
  void workers.ready.then(() => {
    found(document, "#scanner").dataset["installed"] = "true";
    performance.mark("installed");
  });
  const offer = (): void => {
    const waiting = registration.waiting !== null;
    notice("update", waiting && !idle());
    if (waiting && idle()) takeOver(registration);
  };
  registration.addEventListener("updatefound", () => registration.installing?.addEventListener("statechange", offer));
  found(document, "#update").addEventListener("click", () => takeOver(registration));
  setInterval(() => registration.update().catch(() => undefined), HOUR_MS);
  offer();
}

const takeOver = (registration: ServiceWorkerRegistration): void => registration.waiting?.postMessage("take over");
