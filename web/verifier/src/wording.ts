/**
 * What a person reads for each verdict: the colour, the status word, why, and what to do. Vietnamese first.
 *
 * The texts are those of the server; `wording_texts.ts` is generated from its tables.
 */

import type { Words } from "./field_values.js";
import type { Outcome } from "./verdict.js";
import { EXPLANATIONS, GUIDANCE, OUTCOMES, TITLES } from "./wording_texts.js";

/** green: may be used now · amber: genuine, but check once more on line · red: may not be used · grey: nobody knows */
export type Colour = "green" | "amber" | "red" | "grey";

/** The words for one verdict. */
export interface Wording {
  readonly colour: Colour;
  /** The status word, readable at a glance. */
  readonly title: Words;
  /** What was and was not established. */
  readonly explanation: Words;
  /** What to do now. */
  readonly guidance: Words;
}

export type Texts = Readonly<Record<string, Words>>;

/** The words for an outcome and its reason; where the reason has none of its own, those of the outcome. */
export function words(outcome: Outcome, reason: string): Wording {
  const general = OUTCOMES[outcome];
  return {
    colour: general.colour,
    title: find(TITLES, reason) ?? general.title,
    explanation: find(EXPLANATIONS, reason) ?? general.explanation,
    guidance: find(GUIDANCE, reason) ?? general.guidance,
  };
}

/** By the reason, or by its first word: `claim` speaks for every `claim_…`. */
const find = (texts: Texts, reason: string): Words | undefined => texts[reason] ?? texts[reason.replace(/_.*/, "")];
