/** The inspector's scanner: camera, pictures and typed codes, judged on this phone, with or without a network. */

import type { VerdictView } from "@khoso/verifier";
import { pinnedRoots } from "../city.js";
import { found } from "../screen.js";
import { Clock } from "./clock.js";
import { Finder } from "./finder.js";
import { History } from "./history.js";
import { install } from "./installing.js";
import { KeptLists } from "./kept_lists.js";
import { Outbox } from "./outbox.js";
import { Reader } from "./reading.js";
import { keepFresh } from "./refreshing.js";
import { followReport } from "./report.js";
import { clear, isShown, type Surroundings, scan, scanTyped } from "./scan.js";
import { AS_INSPECTOR, Session } from "./session.js";
import { followSettings, type Mode } from "./settings.js";
import { Signals } from "./signals.js";
import { Storage } from "./storage.js";
import { notice, showAges, showSession, showWaiting } from "./strip.js";

const root = found(document, "#scanner");
const asset = (name: string): string => root.dataset[name] ?? "";

async function main(): Promise<void> {
  const storage = new Storage();
  const [clock, session] = [new Clock(storage), new Session(storage)];
  await Promise.all([clock.open(), session.open()]);
  const kept = await KeptLists.open(location.origin, pinnedRoots(), storage, (server) =>
    clock.heardServer(Date.parse(server.headers.get("date") ?? "")),
  );
  const outbox = new Outbox(storage, session, showWaiting);
  const around = surroundings(kept, clock, session, outbox, new History(storage));
  followInputs(around);
  showAges(kept, clock);
  showSession(session.who);
  root.dataset["ready"] = "true";
  performance.mark("ready");
  void outbox.tell();
  void navigator.storage?.persist?.();
  await keepFresh(kept, clock, session, outbox).finally(() => install(asset("worker"), () => !isShown()));
}

function surroundings(kept: KeptLists, clock: Clock, session: Session, outbox: Outbox, history: History): Surroundings {
  const signals = new Signals();
  let mode: Mode = "any";
  followSettings((settings) => {
    mode = settings.mode;
    Object.assign(signals, { sound: settings.sound, vibration: settings.vibration });
  });
  addEventListener("pointerdown", () => signals.unlock());
  void history.show();
  return {
    kept,
    clock,
    mode: () => mode,
    announce: (view) => {
      signals.give(view.colour);
      say(view);
    },
    remember: (view, code, heard) => {
      void history.add(view);
      if (!heard) void outbox.keepScan(code, view);
    },
    asker: () => (session.inspector === null ? undefined : AS_INSPECTOR),
    reporting: (card, code) => {
      if (session.inspector !== null) followReport(card, code, (report) => outbox.keepReport(report));
    },
  };
}

/** To those who cannot see the colour; and counted, for those who watch the page. */
function say({ title }: VerdictView): void {
  found(document, "#announcement").replaceChildren(document.documentElement.lang === "en" ? title.en : title.vi);
  root.dataset["scans"] = String(Number(root.dataset["scans"] ?? 0) + 1);
}

function followInputs(around: Surroundings): void {
  const reader = new Reader({ script: asset("decoder"), wasm: asset("wasm") });
  const finder = new Finder(reader, (code) => void scan(code, around));
  const typed = found(document, "#typed") as HTMLFormElement;
  typed.addEventListener("submit", (event) => {
    event.preventDefault();
    void scanTyped((found(typed, "#code") as HTMLInputElement).value, around);
  });
  found(document, "#picture").addEventListener("change", ({ target }) => {
    void readPicture(target as HTMLInputElement, reader, around);
  });
  found(document, "#next").addEventListener("click", () => {
    clear();
    typed.reset();
    finder.again();
  });
  void finder.startIfAllowed();
}

async function readPicture(input: HTMLInputElement, reader: Reader, around: Surroundings): Promise<void> {
  const [file] = input.files ?? [];
  if (file === undefined) return;
  const start = performance.now();
  const [code, ...others] = await reader.readPicture(file).catch(() => []);
  performance.measure("read", { start });
  input.value = ""; // else the same picture, chosen again, would be no change
  notice("unread", code === undefined);
  notice("several", others.length > 0);
  if (code !== undefined && others.length === 0) await scan(code, around);
}

void main();
