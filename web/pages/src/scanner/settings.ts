/** What an inspector has chosen, kept for the next time where the browser keeps anything. */

import type { SubjectKind } from "@khoso/verifier";

/** What is being inspected; `any` leaves it open. */
export type Mode = SubjectKind | "any";

export interface Settings {
  readonly sound: boolean;
  readonly vibration: boolean;
  readonly mode: Mode;
}

const KEY = "scanner";
const AT_FIRST: Settings = { sound: true, vibration: true, mode: "any" };

export function load(): Settings {
  try {
    return { ...AT_FIRST, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return AT_FIRST;
  }
}

export function save(settings: Settings): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // blocked by the user: then every visit begins with what is usual
  }
}
