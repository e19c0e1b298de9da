/**
 * The claims of a credential: a CBOR Web Token (RFC 8392) with one private claim for what is ours.
 *
 *     {1: iss, 4: exp, 5: nbf, 6: iat, -65537: {1: result code, 2: result type, 3: type version, 4: [list, index],
 *      5: holder key thumbprint, 6: evidence level, 7: {field number: value}, 8: true if SPECIMEN}}
 *
 * Times are seconds since 1970 UTC (RFC 8392, 2). What says nothing is not written: no `exp` means no expiry, no `nbf`
 * valid from `iat`, no evidence level the signed original, no SPECIMEN a real paper.
 */

import type { Bytes } from "./bytes.js";
import * as cbor from "./cbor.js";
import { Malformed } from "./malformed.js";

/** A field's value as the code carries it; `Field.kind` says how to read it. */
export type FieldValue = bigint | string | readonly bigint[] | readonly string[];

/** Where a credential's status stands: the number of the status list and the index in it. */
export interface StatusRef {
  readonly listId: bigint;
  readonly statusIndex: bigint;
}

/** What an agency states about one result, as signed. Times are seconds since 1970 UTC. */
export interface Claims {
  readonly issuer: string;
  readonly issuedAt: number;
  readonly resultCode: string;
  readonly typeCode: string;
  readonly typeVersion: bigint;
  readonly status: StatusRef;
  readonly fields: ReadonlyMap<bigint, FieldValue>;
  /** 1: the agency's own signed original; 2: a paper's scan signed by an officer. */
  readonly evidenceLevel: 1 | 2;
  readonly validFrom: number | null;
  readonly expiresAt: number | null;
  readonly holderKey: Bytes | null;
  readonly specimen: boolean;
}

type Read = cbor.Value | undefined;

const [ISS, EXP, NBF, IAT, RESULT] = [1n, 4n, 5n, 6n, -65537n];
const [CODE, TYPE, TYPE_VERSION, STATUS, HOLDER_KEY, EVIDENCE, FIELDS, SPECIMEN] = [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n];
const TOP_KEYS = new Set<bigint | string>([ISS, EXP, NBF, IAT, RESULT]);
const RESULT_KEYS = new Set<bigint | string>([1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n]);
const SIGNED_SCAN = 2n;
const THUMBPRINT_BYTES = 32;
const MAX_TIME = 253_402_300_800n; // the year 10000: dates stay computable

/** The claims in a payload. Throws Malformed for anything but exactly the form above. */
export function decode(payload: Bytes): Claims {
  const top = knownMap(cbor.loads(payload), TOP_KEYS, "claims");
  const result = knownMap(top.get(RESULT), RESULT_KEYS, "result");
  return {
    specimen: specimen(result.get(SPECIMEN)),
    issuer: text(top.get(ISS), "iss"),
    issuedAt: time(top.get(IAT), "iat"),
    resultCode: text(result.get(CODE), "result_code"),
    typeCode: text(result.get(TYPE), "type"),
    typeVersion: number(result.get(TYPE_VERSION), 1n, "type_version"),
    status: status(result.get(STATUS)),
    fields: fields(result.get(FIELDS)),
    evidenceLevel: evidence(result.get(EVIDENCE)),
    validFrom: optionalTime(top.get(NBF), "nbf"),
    expiresAt: optionalTime(top.get(EXP), "exp"),
    holderKey: thumbprint(result.get(HOLDER_KEY)),
  };
}

function knownMap(value: Read, known: ReadonlySet<bigint | string>, name: string): cbor.CborMap {
  if (!cbor.isMap(value) || [...value.keys()].some((key) => !known.has(key))) throw new Malformed(`claim_${name}`);
  return value;
}

function text(value: Read, name: string): string {
  if (typeof value !== "string" || value === "") throw new Malformed(`claim_${name}`);
  return value;
}

function number(value: Read, lowest: bigint, name: string): bigint {
  if (typeof value !== "bigint" || value < lowest) throw new Malformed(`claim_${name}`);
  return value;
}

function time(value: Read, name: string): number {
  const seconds = number(value, 0n, name);
  if (seconds >= MAX_TIME) throw new Malformed(`claim_${name}`);
  return Number(seconds);
}

const optionalTime = (value: Read, name: string): number | null => (value === undefined ? null : time(value, name));

function status(value: Read): StatusRef {
  if (!Array.isArray(value) || value.length !== 2) throw new Malformed("claim_status");
  return { listId: number(value[0], 0n, "status"), statusIndex: number(value[1], 0n, "status") };
}

/** The usual level is never written: one value, one encoding. */
function evidence(value: Read): 1 | 2 {
  if (value === undefined) return 1;
  if (value !== SIGNED_SCAN) throw new Malformed("claim_evidence");
  return 2;
}

function specimen(value: Read): boolean {
  if (value !== undefined && value !== true) throw new Malformed("claim_specimen");
  return value === true;
}

function thumbprint(value: Read): Bytes | null {
  if (value === undefined) return null;
  if (!(value instanceof Uint8Array) || value.length !== THUMBPRINT_BYTES) throw new Malformed("claim_holder_key");
  return value;
}

function fields(value: Read): ReadonlyMap<bigint, FieldValue> {
  if (!cbor.isMap(value)) throw new Malformed("claim_fields");
  for (const [key, item] of value) {
    if (typeof key !== "bigint" || key < 1n || !isFieldValue(item)) throw new Malformed("claim_fields");
  }
  return value as ReadonlyMap<bigint, FieldValue>;
}

const isFieldValue = (item: cbor.Value): item is FieldValue => isPlain(item) || isUniformList(item);

const isPlain = (item: unknown): boolean => typeof item === "bigint" || typeof item === "string";

function isUniformList(item: cbor.Value): boolean {
  if (!Array.isArray(item) || !isPlain(item[0])) return false;
  return item.every((member) => typeof member === typeof item[0]);
}
