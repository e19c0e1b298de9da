/** What an inspector has chosen, kept for the next time where the browser keeps anything. */

import type { SubjectKind } from "@khoso/verifier";
import { found } from "../screen.js";

/** What is being inspected; `any` leaves it open. */
export type Mode = SubjectKind | "any";

export interface Settings {
  readonly sound: boolean;
  readonly vibration: boolean;
  readonly mode: Mode;
}

const KEY = "scanner";
const AT_FIRST: Settings = { sound: true, vibration: true, mode: "any" };

const box = (name: string): HTMLInputElement => found(document, `input[name=${name}]`) as HTMLInputElement;
const modes = (): HTMLInputElement[] => [...document.querySelectorAll<HTMLInputElement>("input[name=mode]")];

/** Put what was chosen into its controls, and tell of it, now and at every change. */
export function followSettings(changed: (settings: Settings) => void): void {
  const chosen = load();
  box("sound").checked = chosen.sound;
  box("vibration").checked = chosen.vibration;
  for (const mode of modes()) {
    mode.checked = mode.value === chosen.mode;
    mode.addEventListener("change", () => keep(changed));
  }
  for (const name of ["sound", "vibration"]) box(name).addEventListener("change", () => keep(changed));
  changed(chosen);
}

function keep(changed: (settings: Settings) => void): void {
  const mode = modes().find(({ checked }) => checked)?.value ?? AT_FIRST.mode;
  const settings = { sound: box("sound").checked, vibration: box("vibration").checked, mode: mode as Mode };
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // blocked by the user: then every visit begins with what is usual
  }
  changed(settings);
}

function load(): Settings {
  try {
    return { ...AT_FIRST, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return AT_FIRST;
  }
}
