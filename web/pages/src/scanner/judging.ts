/** What this phone says of a code by itself: the verdict by its lists, and no date judged by a clock set back. */

import { OFFLINE, type Outcome, present, type Verdict, type VerdictView, verify } from "@khoso/verifier";
import type { Clock } from "./clock.js";
import type { KeptLists } from "./kept_lists.js";

const BY_THE_CLOCK: readonly Outcome[] = ["in_force", "expires_soon", "in_force_offline", "not_yet_in_force"];
const LIST_STEP = 3;
const TERM_STEP = 9;

/** The verdict without a server: green for four hours after the list was signed, amber for a day, then grey. */
export async function judge(code: string, origin: string, kept: KeptLists, clock: Clock): Promise<VerdictView> {
  const { lists } = kept;
  const { ms, behind } = clock.look();
  const now = Math.floor(ms / 1_000);
  const verdict = await verify(code, origin, lists.trust, lists.types, lists, now, OFFLINE);
  return present(limited(verdict, kept.any, behind), lists, now);
}

/** The verdict as far as it may be believed. */
export function limited(verdict: Verdict, anyLists: boolean, behind: boolean): Verdict {
  if (!anyLists && verdict.step === LIST_STEP) return { ...verdict, reason: "no_lists", trustAsOf: null };
  if (!behind || !BY_THE_CLOCK.includes(verdict.outcome)) return verdict;
  return { ...verdict, outcome: "cannot_tell", step: TERM_STEP, reason: "clock_set_back" };
}
