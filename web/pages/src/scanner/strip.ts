/** The strip that is always in sight: how old the lists are, and whether there is a network. And what is wrong. */

import { fill, found } from "../screen.js";
import type { Clock } from "./clock.js";
import type { KeptLists, Refreshed } from "./kept_lists.js";
import type { SignedIn } from "./session.js";

const GREEN_MS = 14_400_000;
const AMBER_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** How old the lists are, as a verdict takes it. */
export type Age = "none" | "fresh" | "old" | "stale";

const strip = found(document, "#lists");

/** Show the ages of what is held, and what stands against believing them. */
export function showAges(kept: KeptLists, clock: Clock): void {
  const { ms, behind } = clock.look();
  const asOf = kept.any ? kept.asOf : null;
  strip.dataset["age"] = ageOf(asOf, ms);
  strip.dataset["network"] = navigator.onLine ? "online" : "offline";
  if (asOf !== null) fill(strip, { as_of: new Date(asOf * 1_000).toISOString(), age: inWords(ms - asOf * 1_000) });
  notice("clock", behind);
  notice("none", !kept.any);
  notice("old", kept.any && ["old", "stale"].includes(ageOf(asOf, ms)));
}

/** What the last attempt to get newer lists came to. */
export function showRefreshed(refreshed: Refreshed): void {
  notice("refused", refreshed === "refused");
}

export function notice(name: string, shown: boolean): void {
  found(document, `[data-notice=${name}]`).hidden = !shown;
}

/** Who is signed in, or the way to it. */
export function showSession(who: SignedIn): void {
  const section = found(document, "#session");
  section.hidden = who === "unknown";
  section.dataset["who"] = typeof who === "string" ? who : "inspector";
  if (typeof who !== "string") fill(section, { name: who.name ?? who.subject });
}

/** How many scans and reports wait for a network. */
export function showWaiting(waiting: number): void {
  const section = found(document, "#waiting");
  section.hidden = waiting === 0;
  fill(section, { waiting });
}

export function ageOf(asOf: number | null, ms: number): Age {
  if (asOf === null) return "none";
  const age = ms - asOf * 1_000;
  if (age > AMBER_MS) return "stale";
  return age > GREEN_MS ? "old" : "fresh";
}

function inWords(ms: number): { vi: string; en: string } {
  const minutes = Math.max(0, Math.floor(ms / MINUTE_MS));
  if (minutes < 1) return { vi: "chưa đầy 1 phút", en: "not a minute old" };
  if (minutes < 60) return { vi: `${minutes} phút trước`, en: `${minutes} min old` };
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return { vi: `${hours} giờ trước`, en: `${hours} h old` };
  return { vi: `${Math.floor(hours / 24)} ngày trước`, en: `${Math.floor(hours / 24)} days old` };
}
