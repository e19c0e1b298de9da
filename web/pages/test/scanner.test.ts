import assert from "node:assert/strict";
import { test } from "node:test";
import type { FieldView, Outcome, PaperView, Verdict } from "@khoso/verifier";
import { Clock, type Mark, SKEW_MS } from "../src/scanner/clock.js";
import { clockTime, hoursOf, isWithin, placesOf } from "../src/scanner/field.js";
import { limited } from "../src/scanner/judging.js";
import { choose, Seen } from "../src/scanner/seen.js";

const ORIGIN = "https://kho.danang.gov.vn";
const [NOON, HOUR] = [Date.parse("2026-11-23T05:00:00Z"), 3_600_000];

/** A clock of which the test turns the hands, on a phone that was used before. */
async function clock(kept?: Mark): Promise<{ watched: Clock; set: (ms: number) => void; marks: Mark[] }> {
  let own = NOON;
  const marks: Mark[] = [];
  const keeper = { get: async () => kept, put: async (_: string, mark: Mark) => void marks.push(mark) };
  const watched = new Clock(keeper, () => own);
  await watched.open();
  const set = (ms: number): void => {
    own = ms;
  };
  return { watched, set, marks };
}

test("a clock set back is noticed, within what clocks may differ it is not", async () => {
  const { watched, set } = await clock();
  set(NOON - SKEW_MS);
  assert.equal(watched.look().behind, false);
  set(NOON - SKEW_MS - 1);
  assert.equal(watched.look().behind, true);
});

test("it is noticed after a restart too", async () => {
  const { marks } = await clock();
  const { watched } = await clock({ ...(marks.at(-1) as Mark), told: NOON + HOUR });
  assert.equal(watched.look().behind, true);
});

test("a signed list from later shows that the clock is behind, whatever the server says", async () => {
  const { watched } = await clock();
  watched.sawSigned(NOON + HOUR);
  watched.heardServer(NOON);
  assert.equal(watched.look().behind, true);
});

test("the server's time heals a clock that was ahead for a while", async () => {
  const { watched, set } = await clock();
  set(NOON + 1_000 * HOUR);
  watched.look();
  set(NOON + HOUR);
  assert.equal(watched.look().behind, true);
  watched.heardServer(NOON + HOUR);
  assert.equal(watched.look().behind, false);
});

test("an answer without a date says nothing of the time", async () => {
  const { watched } = await clock();
  watched.heardServer(Number.NaN);
  assert.equal(watched.look().behind, false);
});

test("a code in view is new once, and again after it was away", () => {
  const seen = new Seen();
  const answers = [0, 1_000, 5_900, 10_800, 15_801].map((now) => seen.isNew("one", now));
  assert.deepEqual(answers, [true, false, false, false, true]);
  assert.equal(seen.isNew("another", 15_900), true);
  seen.forget();
  assert.equal(seen.isNew("one", 15_950), true);
});

test("many codes fill no memory", () => {
  const seen = new Seen();
  for (let code = 0; code < 1_000; code++) seen.isNew(String(code), code);
  assert.equal(seen.isNew("0", 1_001), true); // forgotten within the five seconds
  assert.equal(seen.isNew("999", 1_001), false);
});

const OFFICIAL = `${ORIGIN}/v#1234`;
const chosen: [string, string[], string | null][] = [
  ["none", [], null],
  ["one of anybody's", ["https://example.com"], "https://example.com"],
  ["the city's beside a payment's", ["00020101021138", OFFICIAL], OFFICIAL],
  ["the same one twice", [OFFICIAL, OFFICIAL], OFFICIAL],
  ["two of the city's", [OFFICIAL, `${OFFICIAL}5`], null],
  ["two of others", ["a", "b"], null],
  ["one like the city's beside the city's", [`${ORIGIN}.evil.example/v#1`, OFFICIAL], OFFICIAL],
];
for (const [what, codes, expected] of chosen) {
  test(`of the codes in a picture: ${what}`, () => assert.equal(choose(codes, ORIGIN), expected));
}

const field = (name: string, value: unknown): FieldView => ({
  name,
  value,
  label: { vi: "", en: "" },
  shown: { vi: "", en: "" },
});
const paper = (...fields: FieldView[]): PaperView => ({ fields }) as unknown as PaperView;
const at = (time: string): number => Date.parse(`2026-11-23T${time}:00+07:00`);

test("hours and streets are found by what they are", () => {
  const truck = paper(field("plate", "43C-912.45"), field("a", ["Trần Phú"]), field("b", ["09:00-15:30"]));
  assert.deepEqual(hoursOf(truck), ["09:00-15:30"]);
  assert.equal(placesOf(truck)?.name, "a");
  assert.equal(hoursOf(paper(field("a", []), field("b", "09:00-15:30"))), null);
  assert.equal(placesOf(paper()), null);
});

const hours = ["09:00-15:30", "20:00-06:00"];
const times: [string, boolean][] = [
  ["08:59", false],
  ["09:00", true],
  ["15:29", true],
  ["15:30", false],
  ["19:59", false],
  ["20:00", true],
  ["23:59", true],
  ["00:00", true],
  ["05:59", true],
  ["06:00", false],
];
for (const [time, expected] of times) {
  test(`${time} in Vietnam is ${expected ? "" : "not "}within the hours`, () => {
    assert.equal(isWithin(hours, at(time)), expected);
    assert.equal(clockTime(at(time)), time);
  });
}

const verdict = (outcome: Outcome, step: number, reason = "r"): Verdict => ({
  outcome,
  step,
  reason,
  paper: null,
  status: null,
  statusAsOf: 1,
  trustAsOf: 1,
});

test("with a clock set back nothing that depends on the time is concluded", () => {
  for (const outcome of ["in_force", "expires_soon", "in_force_offline", "not_yet_in_force"] as const) {
    const { reason, ...judged } = limited(verdict(outcome, 11), true, true);
    assert.deepEqual([judged.outcome, reason], ["cannot_tell", "clock_set_back"]);
    assert.equal(limited(verdict(outcome, 11), true, false).outcome, outcome);
  }
});

test("what is forged, withdrawn or ended is so by any clock", () => {
  for (const outcome of ["not_genuine", "not_issued", "suspended", "expired", "not_an_official_code"] as const) {
    assert.equal(limited(verdict(outcome, 8), true, true).outcome, outcome);
  }
});

test("without lists that is the reason, but what is no code is none by no lists either", () => {
  assert.equal(limited(verdict("cannot_tell", 3, "trust_list_expired"), false, false).reason, "no_lists");
  assert.equal(limited(verdict("malformed", 1, "digits"), false, false).reason, "digits");
});
