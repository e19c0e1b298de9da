/**
 * Whom a verifier believes: agencies, their keys, and which result types each may issue.
 *
 * How this travels is in `trust_list`; how it is used, in `verdict`. Times are seconds since 1970 UTC.
 */

import type { Bytes } from "./bytes.js";
import type { PublicKey } from "./cose.js";
import type { HonestSet } from "./honest_set.js";

/**
 * Life of a signing key. A retired key signs no more; what it signed while active stays good. Of a compromised key only
 * the honest set is good, if the trust list names one.
 */
export type KeyState = "pre_active" | "active" | "retired" | "compromised";

/** One key of one agency. */
export interface TrustedKey extends PublicKey {
  readonly agencyCode: string;
  readonly state: KeyState;
  readonly validFrom: number;
  readonly validUntil: number | null;
  /** When the key is thought to have been stolen. For people: whoever has the key can write any date. */
  readonly compromisedAt: number | null;
  /** SHA-256 of the honest set's bytes. */
  readonly honestDigest: Bytes | null;
}

/** A key that signs status lists and result types, from `validFrom` until before `validUntil`. */
export interface Publisher extends PublicKey {
  readonly validFrom: number;
  readonly validUntil: number | null;
}

/** One agency. A dissolved one keeps the name that its papers carry. */
export interface TrustedAgency {
  readonly code: string;
  readonly nameVi: string;
  readonly nameEn: string;
  /** Codes of the result types it may issue, or once could. */
  readonly mayIssue: ReadonlySet<string>;
  /** Codes of the agencies that answer for it now, if it is no more. */
  readonly successors: readonly string[];
}

/** What a verifier believes at one moment. */
export interface Trust {
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** By kid in hexadecimal digits. */
  readonly keys: ReadonlyMap<string, TrustedKey>;
  readonly agencies: ReadonlyMap<string, TrustedAgency>;
  readonly publishers: ReadonlyMap<string, Publisher>;
  /** The sets that are at hand, by the SHA-256 of their bytes in hexadecimal digits. */
  readonly honestSets: ReadonlyMap<string, HonestSet>;
  /** Rises with every list that is signed. */
  readonly version: number;
  /** Whether the root that signed it was made for demonstrations and tests, and proves nothing. */
  readonly development: boolean;
}

/** Of nobody and expired for ever: with it a verifier answers "cannot tell". */
export const NOBODY: Trust = {
  issuedAt: 0,
  expiresAt: 0,
  keys: new Map(),
  agencies: new Map(),
  publishers: new Map(),
  honestSets: new Map(),
  version: 0,
  development: false,
};

/** Whether what the publisher signs at that time is to be believed. */
export const maySignAt = (publisher: Publisher, instant: number): boolean =>
  publisher.validFrom <= instant && (publisher.validUntil === null || instant < publisher.validUntil);
