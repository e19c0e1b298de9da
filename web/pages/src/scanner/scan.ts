/**
 * One scan from the code to what is shown: this phone's own verdict at once, then the server's newest status.
 *
 * A code that is not the city's goes nowhere: it is not opened, not sent, and no link is made of it.
 */

import { lookup, Malformed, present, type VerdictView } from "@khoso/verifier";
import { annotated, together } from "../answering.js";
import { copyOf, fill, found } from "../screen.js";
import { type Asker, ask, type Silence } from "../server.js";
import type { Clock } from "./clock.js";
import { addFieldCards } from "./field_cards.js";
import { judge } from "./judging.js";
import type { KeptLists } from "./kept_lists.js";
import type { Mode } from "./settings.js";

const MAX_CODE = 2_500;
const GREEN = "green";

/** What a scan needs of the rest of the page. */
export interface Surroundings {
  readonly kept: KeptLists;
  readonly clock: Clock;
  readonly mode: () => Mode;
  /** The first verdict on a code, and any later one of another colour. */
  readonly announce: (view: VerdictView) => void;
  /** The last word on a scan, and whether the server has heard of it. */
  readonly remember: (view: VerdictView, code: string, heard: boolean) => void;
  /** Who asks the server; undefined for nobody in particular. */
  readonly asker: () => Asker | undefined;
  /** Let a signed-in inspector report from a card on a verdict. */
  readonly reporting: (card: ParentNode, code: string) => void;
}

const result = found(document, "#result");
let latest = 0;
let shown = 0;

/** Judge the text of a code. */
export async function scan(text: string, around: Surroundings): Promise<void> {
  const mine = ++latest;
  const code = text.slice(0, MAX_CODE);
  const start = performance.now();
  const own = await judge(code, location.origin, around.kept, around.clock);
  performance.measure("judge", { start });
  if (mine !== latest) return;
  const asked = navigator.onLine && own.outcome !== "not_an_official_code" && own.outcome !== "malformed";
  show(byItself(own, asked ? "asking" : null), own, around, code);
  around.announce(own);
  performance.measure("shown", { start });
  if (!asked) return around.remember(own, code, false);
  const server = await ask(code, "code", around.asker());
  const final = typeof server === "string" ? own : server;
  around.remember(final, code, typeof server !== "string");
  if (mine !== latest) return;
  show(typeof server === "string" ? byItself(own, "unasked") : together(own, server), final, around, code);
  if (shownColour() !== own.colour) around.announce(final);
}

/** Judge what was typed or pasted: a look-up code, which only the server knows, or the text of a code. */
export async function scanTyped(typed: string, around: Surroundings): Promise<void> {
  const text = typed.trim();
  if (text.includes("#") || text.includes(":")) return scan(text, around);
  const mine = ++latest;
  const mistyped = mistypedView(text, around);
  if (mistyped !== null) return show(annotated(mistyped, "by-device"), mistyped, around);
  result.replaceChildren(copyOf("checking"));
  const server = await ask(text, "lookup_code", around.asker());
  if (mine !== latest) return;
  if (typeof server === "string") return showSilence(server);
  show(annotated(server, "by-server"), server, around);
  around.announce(server);
  around.remember(server, "", true);
}

/** Whether somebody may be reading an answer. */
export const isShown = (): boolean => result.hasChildNodes();

/** Take the answer away, and whatever is still on its way to it. */
export function clear(): void {
  latest++;
  result.replaceChildren();
  delete document.body.dataset["view"];
}

function mistypedView(text: string, { kept, clock }: Surroundings): VerdictView | null {
  try {
    lookup.parse(text);
    return null;
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    const nothing = { paper: null, statusAsOf: null, trustAsOf: null, status: null };
    const verdict = { ...nothing, outcome: "malformed", step: 1, reason: error.reason } as const;
    return present(verdict, kept.lists, Math.floor(clock.look().ms / 1_000));
  }
}

/** The phone's own verdict, with what it could not ask said in its head where it would else look like any other. */
function byItself(own: VerdictView, note: "asking" | "unasked" | null): DocumentFragment {
  const page = annotated(own, "by-device", note === null ? undefined : copyOf(note));
  if (own.colour !== GREEN) return page;
  const offline = copyOf("offline");
  fill(offline, own);
  found(page, ".answer").append(offline);
  return page;
}

function show(page: DocumentFragment, view: VerdictView, around: Surroundings, code = ""): void {
  addFieldCards(page, view, around.mode(), around.clock);
  if (code !== "") around.reporting(page, code);
  const again = shown === latest;
  shown = latest;
  result.replaceChildren(page);
  document.body.dataset["view"] = "verdict";
  if (again) return; // the same paper, of which more is known now: whoever reads it stays where he is
  found(result, "h1").focus({ preventScroll: true });
  scrollTo(0, 0);
}

function showSilence(silence: Silence): void {
  result.replaceChildren(copyOf(silence));
  document.body.dataset["view"] = "verdict";
}

const shownColour = (): string | undefined => result.querySelector("article")?.dataset["colour"];
