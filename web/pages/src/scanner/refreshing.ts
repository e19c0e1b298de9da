/** Keeps everything as new as the network lets it: lists, who is signed in, and what waits to be sent. */

import type { Clock } from "./clock.js";
import type { KeptLists } from "./kept_lists.js";
import type { Outbox } from "./outbox.js";
import type { Session } from "./session.js";
import { showAges, showRefreshed, showSession } from "./strip.js";

const REFRESH_MS = 900_000;
const LOOK_MS = 10_000;
const CHANNEL = "khoso-scanner";

/** Refresh now, whenever the network comes back, and every quarter of an hour. Returns after the first time. */
export async function keepFresh(kept: KeptLists, clock: Clock, session: Session, outbox: Outbox): Promise<void> {
  const tabs = new BroadcastChannel(CHANNEL);
  const look = (): void => {
    clock.sawSigned(kept.latest * 1_000);
    showAges(kept, clock);
  };
  const refresh = async (): Promise<void> => {
    const refreshed = await kept.refresh();
    showRefreshed(refreshed);
    look();
    if (refreshed === "newer") tabs.postMessage(refreshed);
    if (refreshed === "away") return;
    await session.refresh();
    showSession(session.who);
    await outbox.send();
  };
  tabs.addEventListener("message", () => void kept.reload().then(look));
  for (const name of ["online", "offline"]) addEventListener(name, look);
  addEventListener("online", refresh);
  setInterval(look, LOOK_MS);
  setInterval(refresh, REFRESH_MS);
  look();
  await refresh();
}
