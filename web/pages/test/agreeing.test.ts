import assert from "node:assert/strict";
import { test } from "node:test";
import { type Outcome, type VerdictView, words } from "@khoso/verifier";
import { decide } from "../src/agreeing.js";

const [EARLIER, LATER] = ["2026-11-23T02:00:00Z", "2026-11-23T02:10:00Z"];

function view(outcome: Outcome, step: number, reason: string, changes: Partial<VerdictView> = {}): VerdictView {
  return {
    outcome,
    step,
    reason,
    ...words(outcome, reason),
    bearer: "not_proven",
    checked_at: LATER,
    status_as_of: EARLIER,
    trust_as_of: EARLIER,
    paper: null,
    withdrawal: null,
    ...changes,
  };
}

const OWN_GOOD = view("in_force_offline", 10, "status_not_fresh");
const GOOD = view("in_force", 11, "all_checks_passed", { status_as_of: LATER });
const FORGED = view("not_genuine", 5, "signature");
const UNKNOWN_KEY = view("not_genuine", 4, "unknown_key");
const WITHDRAWN = view("not_issued", 8, "revoked_or_never_issued");
const AWAY = view("cannot_tell", 8, "database_away");
const EXPIRED = view("expired", 9, "expires_at");

const agreed: [string, VerdictView, VerdictView][] = [
  ["the newest status makes amber green", OWN_GOOD, GOOD],
  ["what was withdrawn since is withdrawn", OWN_GOOD, view("revoked", 8, "revoke", { status_as_of: LATER })],
  ["only the record tells revoked from never issued", WITHDRAWN, view("revoked", 8, "revoke")],
  ["what was recorded since is in force", WITHDRAWN, GOOD],
  ["only the record tells other content", OWN_GOOD, view("not_issued", 8, "content_differs_from_record")],
  ["a key newer than this browser's list is known", UNKNOWN_KEY, { ...GOOD, trust_as_of: LATER }],
  ["a wrong clock here does not end a paper", { ...EXPIRED, checked_at: "2027-11-23T02:10:00Z" }, GOOD],
  ["a paper younger than the list is not called forged", WITHDRAWN, { ...AWAY, status_as_of: LATER }],
  ["the server leaves open what the lists close", OWN_GOOD, AWAY],
];
for (const [what, own, server] of agreed) {
  test(what, () => assert.deepEqual(decide(own, server), { view: server, other: null }));
}

const differing: [string, VerdictView, VerdictView, "own" | "server"][] = [
  ["a signature that only the server finds good", FORGED, { ...GOOD, trust_as_of: LATER }, "own"],
  ["a signature that only this browser finds good", OWN_GOOD, FORGED, "server"],
  ["a key that only the server knows, by the same list", UNKNOWN_KEY, GOOD, "own"],
  ["a withdrawal that the server no longer knows", WITHDRAWN, { ...GOOD, status_as_of: EARLIER }, "own"],
  ["an end that only this browser sees", EXPIRED, { ...GOOD, status_as_of: EARLIER }, "own"],
  ["a forgery of which the server knows nothing", FORGED, AWAY, "own"],
];
for (const [what, own, server, stricter] of differing) {
  test(`${what}: the stricter is shown, and that they differ`, () => {
    const [shown, other] = stricter === "own" ? [own, server] : [server, own];
    assert.deepEqual(decide(own, server), { view: shown, other });
  });
}
