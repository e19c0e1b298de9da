/** What the scanner adds to a verdict for the field: is it of the kind being checked, does it fit, may it be here now? */

import type { PaperView, VerdictView } from "@khoso/verifier";
import { copyOf, fill, found } from "../screen.js";
import type { Clock } from "./clock.js";
import { clockTime, hoursOf, isWithin, placesOf } from "./field.js";
import type { Mode } from "./settings.js";

const USABLE: readonly string[] = ["green", "amber"];
const ELSEWHERE = "";
const UNBROKEN = "\u2011"; // a hyphen at which no line ends

/** Add to a drawn verdict what this paper's kind asks for. */
export function addFieldCards(page: DocumentFragment, view: VerdictView, mode: Mode, clock: Clock): void {
  const { paper } = view;
  if (paper === null) return;
  if (mode !== "any" && paper.subject_kind !== null && paper.subject_kind !== mode) {
    found(page, ".guidance").after(copyOf("other-kind"));
  }
  if (!USABLE.includes(view.colour)) return;
  const comparison = page.querySelector(".compare");
  comparison?.after(matchCard());
  const hours = hoursOf(paper);
  if (hours !== null) comparison?.after(nowCard(paper, hours, clock));
}

function matchCard(): DocumentFragment {
  const card = copyOf("match");
  const section = found(card, "section");
  found(card, "fieldset").addEventListener("change", ({ target }) => {
    section.dataset["match"] = (target as HTMLInputElement).value;
  });
  return card;
}

/** Whether the vehicle may be where it is, now. The place is the inspector's to say. */
function nowCard(paper: PaperView, hours: readonly string[], clock: Clock): DocumentFragment {
  const card = copyOf("allowed-now");
  const { ms, behind } = clock.look();
  const within = isWithin(hours, ms);
  const places = placesOf(paper)?.value as readonly string[] | undefined;
  fill(card, {
    time: clockTime(ms),
    hours: hours.join("; ").replaceAll("-", UNBROKEN),
    places: places?.map((name) => ({ name })) ?? [],
  });
  const section = found(card, "section");
  const decide = (place: string | null): void => {
    section.dataset["allowed"] = behind ? "unknown" : allowed(within, place, places);
  };
  if (places === undefined) found(card, "fieldset").remove();
  section.addEventListener("change", ({ target }) => decide((target as HTMLInputElement).value));
  decide(null);
  return card;
}

function allowed(within: boolean, place: string | null, places: readonly string[] | undefined): string {
  if (!within) return "not-now";
  if (places === undefined) return "yes";
  if (place === null) return "choose";
  return place === ELSEWHERE ? "not-here" : "yes";
}
