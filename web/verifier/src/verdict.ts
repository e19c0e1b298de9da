/**
 * What a code is worth: the one decision of a verifier, in numbered steps.
 *
 * `verify` answers with a `Verdict`, never with a bare boolean and never with an exception: whatever the input, one
 * outcome, the step that decided, and a stable reason. "Cannot tell" is neither fake nor genuine.
 */

import { type Bytes, sha256, toHex } from "./bytes.js";
import { type Claims, decode as decodeClaims, type StatusRef } from "./claims.js";
import * as cose from "./cose.js";
import { fits } from "./field_values.js";
import { type HonestSet, NO_PAPERS } from "./honest_set.js";
import * as link from "./link.js";
import { Malformed } from "./malformed.js";
import { type ResultType, type TypeCatalogue, typeKey } from "./result_type.js";
import type { Status } from "./status_list.js";
import type { Trust, TrustedKey } from "./trust.js";

/** Seconds by which the clock of an issuer or of a list's publisher may be ahead of the verifier's. */
const MAX_CLOCK_SKEW = 300;

const DAY = 86_400;

/** What the inspector is told. */
export type Outcome =
  | "in_force"
  | "expires_soon"
  | "in_force_offline"
  | "not_yet_in_force"
  | "expired"
  | "suspended"
  | "revoked"
  | "superseded"
  | "not_issued"
  | "not_genuine"
  | "malformed"
  | "not_an_official_code"
  | "cannot_tell";

/** What a code says, once an authorised agency's signature over exactly it was found good. */
export interface GenuinePaper {
  readonly claims: Claims;
  /** SHA-256 of the bytes that were signed: what a record of the paper is compared by. */
  readonly signedHash: Bytes;
}

/** The answer to one scan. Times are seconds since 1970 UTC. */
export interface Verdict {
  readonly outcome: Outcome;
  /** Number of the step in `verify` that decided. */
  readonly step: number;
  /** Stable code of the reason within the outcome. */
  readonly reason: string;
  readonly paper: GenuinePaper | null;
  /** When the status used was known to be right. */
  readonly statusAsOf: number | null;
  readonly trustAsOf: number | null;
  /** The status found in step 8. */
  readonly status: Status | null;
}

/** What a status source knows about one index, and since when it may have changed without its knowing. */
export interface StatusAnswer {
  readonly value: Status;
  readonly asOf: number;
  /** When its publisher no longer stands by it; null for a source that has no such end. */
  readonly expiresAt: number | null;
}

/** Where a verifier looks up the status: downloaded lists, or a server's snapshot. */
export interface StatusSource {
  /** The status at a list and index; null if there is no such list here. */
  findStatus(ref: StatusRef): StatusAnswer | null;
}

/** How old, in seconds, a status may be for a green answer, and for an amber one; older is "cannot tell". */
export interface Freshness {
  readonly green: number;
  readonly amber: number;
}

/** A server that follows its database: the status is at most half a minute old. */
export const ONLINE: Freshness = { green: 30, amber: DAY };

/** A verifier with downloaded lists: green for four hours. */
export const OFFLINE: Freshness = { green: 14_400, amber: DAY };

/**
 * Judge the text of a scanned code at the time `now` (seconds since 1970 UTC).
 *
 * `origin` is the one origin whose codes are official. Steps 1 to 3 read the code, 4 to 7 prove who made it and that he
 * might, 8 to 11 say whether it is in force now. Nothing in the code is believed before step 5.
 */
export async function verify(
  text: string,
  origin: string,
  trust: Trust,
  types: TypeCatalogue,
  statuses: StatusSource,
  now: number,
  freshness: Freshness = ONLINE,
): Promise<Verdict> {
  // 1. Is it one of this city's codes at all? Its link is never opened, only compared.
  // 2. Has it the one frame that a credential has?
  const unverified = readCode(text, origin);
  if ("outcome" in unverified) return unverified;

  // 3. Is the trust list still to be believed? With an old one, a new key would look like a stranger's.
  const known = { trustAsOf: trust.issuedAt };
  if (now >= trust.expiresAt) return verdict("cannot_tell", 3, "trust_list_expired", known);
  if (now < trust.issuedAt - MAX_CLOCK_SKEW) return verdict("cannot_tell", 3, "clock_behind", known);

  // 4. Is the key one of this city's?
  const key = trust.keys.get(unverified.unverifiedKid);
  if (key === undefined) return verdict("not_genuine", 4, "unknown_key", known);

  // 5. Did that key sign exactly these bytes?
  if (!(await cose.isSignedBy(key, unverified))) return verdict("not_genuine", 5, "signature", known);
  const claims = readOr(5, () => decodeClaims(unverified.unverifiedPayload));
  if ("outcome" in claims) return claims;

  // 6. Was that key allowed to say it: this agency, this type, at that time? And was it still in honest hands?
  const refusal = authorityRefusal(claims, key, trust, now);
  if (refusal !== null) return verdict("not_genuine", 6, refusal, known);
  const paper = { claims, signedHash: await sha256(unverified.toBeSigned) };
  const theft = theftRefusal(paper, key, trust);
  if (theft !== null) return verdict(...theft, known);

  // 7. Do we know what the fields mean? A type younger than our catalogue is no forgery.
  const type = findType(claims, types);
  if (type === null) return verdict("cannot_tell", 7, "unknown_type", { ...known, paper });

  // 8. Was it recorded, and does it stand? A signature that was never recorded is worth nothing.
  const answer = statuses.findStatus(claims.status);
  if (answer === null) return verdict("cannot_tell", 8, "unknown_status_list", { ...known, paper });
  const found = { ...known, paper, statusAsOf: answer.asOf, status: answer.value };
  if (answer.value !== "valid") return verdict(...WITHDRAWN[answer.value], found);

  return ofStanding(claims, type, answer, now, freshness, found);
}

/** Steps 9 to 11, of a paper that stands. */
function ofStanding(
  claims: Claims,
  type: ResultType,
  answer: StatusAnswer,
  now: number,
  freshness: Freshness,
  found: Partial<Verdict>,
): Verdict {
  // 9. Is it within its time? A clock set back would say so, and would keep an old status fresh for ever.
  const [begins, ends] = [claims.validFrom ?? claims.issuedAt, claims.expiresAt];
  if (now < answer.asOf - MAX_CLOCK_SKEW) return verdict("cannot_tell", 9, "clock_behind", found);
  if (now < begins - MAX_CLOCK_SKEW) return verdict("not_yet_in_force", 9, "valid_from", found);
  if (ends !== null && now >= ends) return verdict("expired", 9, "expires_at", found);

  // 10. How old is what we know of its status? Green only if a withdrawal would have reached us.
  const age = now - answer.asOf;
  if (answer.expiresAt !== null && now >= answer.expiresAt) {
    return verdict("cannot_tell", 10, "status_list_expired", found);
  }
  if (age > freshness.amber) return verdict("cannot_tell", 10, "status_too_old", found);
  if (age > freshness.green) return verdict("in_force_offline", 10, "status_not_fresh", found);

  // 11. Genuine and in force.
  const soon = ends !== null && ends - now <= type.expiresSoonDays * DAY;
  return soon ? verdict("expires_soon", 11, "expires_at", found) : verdict("in_force", 11, "all_checks_passed", found);
}

const NOTHING_KNOWN = { paper: null, statusAsOf: null, trustAsOf: null, status: null };

const verdict = (outcome: Outcome, step: number, reason: string, known: Partial<Verdict> = {}): Verdict => ({
  ...NOTHING_KNOWN,
  ...known,
  outcome,
  step,
  reason,
});

// The list cannot tell "revoked" and "never issued" apart; a server's record can, and refines the outcome.
const WITHDRAWN: Readonly<Record<Exclude<Status, "valid">, [Outcome, number, string]>> = {
  invalid: ["not_issued", 8, "revoked_or_never_issued"],
  suspended: ["suspended", 8, "status"],
  superseded: ["superseded", 8, "status"],
};

function readCode(text: string, origin: string): cose.Unverified | Verdict {
  const signed = readOr(1, () => link.parse(text, origin));
  return "outcome" in signed ? signed : readOr(2, () => cose.parse(signed));
}

/** What `read` answers, or the verdict that a step comes to if it cannot. */
function readOr<Read>(step: number, read: () => Read): Read | Verdict {
  try {
    return read();
  } catch (error) {
    if (error instanceof link.NotAnOfficialCode) return verdict("not_an_official_code", step, "other_origin");
    if (error instanceof Malformed) return verdict("malformed", step, error.reason);
    throw error;
  }
}

/** The type by which every field of a paper can be read; null for an unknown one, or if a field does not fit it. */
export function findType(claims: Claims, types: TypeCatalogue): ResultType | null {
  const type = types.get(typeKey(claims.typeCode, claims.typeVersion));
  return type !== undefined && allFit(claims, type) ? type : null;
}

const allFit = (claims: Claims, type: ResultType): boolean =>
  [...claims.fields].every(([number, value]) => {
    const field = type.fields.find((one) => one.number === number);
    return field !== undefined && fits(field, value);
  });

/** Why this key was not allowed to sign these claims; null if it was. */
function authorityRefusal(claims: Claims, key: TrustedKey, trust: Trust, now: number): string | null {
  const agency = trust.agencies.get(claims.issuer);
  if (agency === undefined || key.agencyCode !== claims.issuer) return "key_of_another_agency";
  if (!agency.mayIssue.has(claims.typeCode)) return "type_not_authorised";
  if (claims.specimen) return "specimen";
  if (claims.issuedAt > now + MAX_CLOCK_SKEW) return "issued_in_the_future";
  return keyRefusal(claims.issuedAt, key);
}

function keyRefusal(issuedAt: number, key: TrustedKey): string | null {
  if (key.state === "pre_active" || issuedAt < key.validFrom) return "key_not_yet_active";
  return key.validUntil !== null && issuedAt >= key.validUntil ? "key_expired" : null;
}

/** Why a paper by a stolen key is not believed; null if the key is in honest hands, or the paper is an honest one. */
function theftRefusal(paper: GenuinePaper, key: TrustedKey, trust: Trust): [Outcome, number, string] | null {
  if (key.state !== "compromised") return null;
  const honest = findHonestSet(key, trust);
  if (honest === null) return ["cannot_tell", 6, "honest_set_missing"];
  return honest.holds(paper.claims.status, paper.signedHash) ? null : ["not_genuine", 6, "key_compromised"];
}

/** The papers that a compromised key honestly signed; null if the trust list names a set that is not at hand. */
const findHonestSet = (key: TrustedKey, trust: Trust): HonestSet | null =>
  key.honestDigest === null ? NO_PAPERS : (trust.honestSets.get(toHex(key.honestDigest)) ?? null);
