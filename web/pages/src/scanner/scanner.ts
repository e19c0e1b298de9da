/** The inspector's scanner: camera, pictures and typed codes, judged on this phone, with or without a network. */

import { pinnedRoots } from "../city.js";
import { found } from "../screen.js";
import { Clock } from "./clock.js";
import { Finder } from "./finder.js";
import { History } from "./history.js";
import { install } from "./installing.js";
import { KeptLists } from "./kept_lists.js";
import { Reader } from "./reading.js";
import { clear, type Surroundings, scan, scanTyped } from "./scan.js";
import * as settings from "./settings.js";
import { Signals } from "./signals.js";
import { Storage } from "./storage.js";
import { notice, showAges, showRefreshed } from "./strip.js";

const REFRESH_MS = 900_000;
const LOOK_MS = 10_000;

const root = found(document, "#scanner");
const asset = (name: string): string => root.dataset[name] ?? "";

async function main(): Promise<void> {
  const storage = new Storage();
  const clock = new Clock(storage);
  await clock.open();
  const heard = (response: Response): void => clock.heardServer(Date.parse(response.headers.get("date") ?? ""));
  const kept = await KeptLists.open(location.origin, pinnedRoots(), storage, heard);
  const signals = new Signals();
  const history = new History(storage);
  let chosen = settings.load();

  const around: Surroundings = {
    kept,
    clock,
    mode: () => chosen.mode,
    announce: (view) => {
      signals.give(view.colour);
      const { vi, en } = view.title;
      found(document, "#announcement").replaceChildren(document.documentElement.lang === "en" ? en : vi);
      root.dataset["scans"] = String(Number(root.dataset["scans"] ?? 0) + 1);
    },
    remember: (view) => void history.add(view),
  };
  const reader = new Reader({ script: asset("decoder"), wasm: asset("wasm") });
  const finder = new Finder(reader, (code) => void scan(code, around));

  const look = (): void => {
    clock.sawSigned(kept.latest * 1_000);
    showAges(kept, clock);
  };
  const refresh = async (): Promise<void> => {
    const refreshed = await kept.refresh();
    showRefreshed(refreshed);
    look();
    if (refreshed === "newer") tabs.postMessage("newer lists");
  };
  const tabs = new BroadcastChannel("khoso-scanner");
  tabs.addEventListener("message", () => void kept.reload().then(look));

  chosen = followSettings(chosen, (now) => {
    chosen = now;
    Object.assign(signals, { sound: now.sound, vibration: now.vibration });
  });
  addEventListener("pointerdown", () => signals.unlock());
  found(document, "#typed").addEventListener("submit", (event) => {
    event.preventDefault();
    const typed = found(document, "#code") as HTMLInputElement;
    void scanTyped(typed.value, around);
  });
  found(document, "#picture").addEventListener("change", ({ target }) => void readPicture(target, reader, around));
  found(document, "#next").addEventListener("click", () => {
    clear();
    finder.again();
  });

  look();
  root.dataset["ready"] = "true";
  setInterval(look, LOOK_MS);
  setInterval(refresh, REFRESH_MS);
  for (const name of ["online", "offline"]) addEventListener(name, look);
  addEventListener("online", refresh);
  void history.show();
  void navigator.storage?.persist?.();
  void finder.startIfAllowed();
  await refresh();
  await install(asset("worker"), () => document.body.dataset["view"] === undefined);
}

async function readPicture(target: EventTarget | null, reader: Reader, around: Surroundings): Promise<void> {
  const input = target as HTMLInputElement;
  const [file] = input.files ?? [];
  if (file === undefined) return;
  notice("unread", false);
  const codes = await reader.readPicture(file).catch(() => []);
  input.value = "";
  const [code, ...others] = codes;
  notice("unread", code === undefined);
  notice("several", others.length > 0);
  if (code !== undefined && others.length === 0) await scan(code, around);
}

/** Put what was chosen into its controls, and tell of every change. */
function followSettings(chosen: settings.Settings, changed: (now: settings.Settings) => void): settings.Settings {
  const box = (name: string): HTMLInputElement => found(document, `[name=${name}]`) as HTMLInputElement;
  for (const name of ["sound", "vibration"] as const) box(name).checked = chosen[name];
  const mode = document.querySelector<HTMLInputElement>(`[name=mode][value=${chosen.mode}]`);
  if (mode !== null) mode.checked = true;
  root.addEventListener("change", ({ target }) => {
    if (!(target instanceof HTMLInputElement) || !["mode", "sound", "vibration"].includes(target.name)) return;
    const selected = document.querySelector<HTMLInputElement>("[name=mode]:checked")?.value ?? "any";
    const now = {
      sound: box("sound").checked,
      vibration: box("vibration").checked,
      mode: selected as settings.Mode,
    };
    settings.save(now);
    changed(now);
  });
  changed(chosen);
  return chosen;
}

void main();
