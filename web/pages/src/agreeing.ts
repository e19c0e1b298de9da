/**
 * One answer of two: this browser's, by its lists, and the server's, by its record.
 *
 * The server knows more and knows it sooner, so a difference that its newer knowledge explains is none. Any other should
 * not be, and then the stricter of the two is shown, and said to be.
 */

import type { Outcome, VerdictView } from "@khoso/verifier";

export interface Answer {
  readonly view: VerdictView;
  /** What the other one says, if they differ and nothing explains it. */
  readonly other: VerdictView | null;
}

const FORGED: readonly Outcome[] = ["not_issued", "not_genuine", "malformed", "not_an_official_code"];
const BY_THE_TRUST_LIST: readonly number[] = [4, 6];
const STATUS_STEP = 8;
const TERM_STEP = 9;
const CLOCK_SKEW_MS = 300_000;

/** What is shown when both have answered. */
export function decide(own: VerdictView, server: VerdictView): Answer {
  if (own.colour === "grey" || strictness(own) === strictness(server) || isExplained(own, server)) {
    return { view: server, other: null };
  }
  return strictness(own) > strictness(server) ? { view: own, other: server } : { view: server, other: own };
}

/** 0: may be used · 1: nobody knows · 2: genuine, and may not be used · 3: treat as forged. */
function strictness(view: VerdictView): number {
  if (view.colour === "green" || view.colour === "amber") return 0;
  if (view.colour === "grey") return 1;
  return FORGED.includes(view.outcome) && view.reason !== "revoked_or_never_issued" ? 3 : 2;
}

/** Whether the server says something else because it knows something newer, or something that no list tells. */
function isExplained(own: VerdictView, server: VerdictView): boolean {
  if (server.colour === "grey" && strictness(own) === 0) return true; // it leaves open what the lists close
  if (strictness(server) > strictness(own) && server.step >= STATUS_STEP) return true;
  if (own.step === TERM_STEP && clocksDiffer(own, server)) return true;
  if (own.step >= STATUS_STEP) return isNewer(server.status_as_of, own.status_as_of);
  return BY_THE_TRUST_LIST.includes(own.step) && isNewer(server.trust_as_of, own.trust_as_of);
}

const isNewer = (one: string | null, other: string | null): boolean =>
  one !== null && other !== null && Date.parse(one) > Date.parse(other);

const clocksDiffer = (own: VerdictView, server: VerdictView): boolean =>
  Math.abs(Date.parse(own.checked_at) - Date.parse(server.checked_at)) > CLOCK_SKEW_MS;
