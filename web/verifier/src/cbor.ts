/**
 * Deterministic CBOR (RFC 8949, 4.2.1) in the small set of types that credentials use.
 *
 * Read are integers below 2^63 (always as bigint), texts, byte strings, booleans, arrays and maps. Everything else is
 * refused: floats, null, tags, indefinite lengths, duplicate keys, trailing bytes, any length or integer that is not
 * the shortest. One value has one encoding, so what was signed is what is read.
 */

import { type Bytes, concat } from "./bytes.js";
import { Malformed } from "./malformed.js";

export type Value = bigint | string | boolean | Bytes | readonly Value[] | CborMap;
export type CborMap = ReadonlyMap<bigint | string, Value>;

const MAX_DEPTH = 6;
const INT_LIMIT = 1n << 63n;

const UNSIGNED = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const TAG = 6;

const FALSE = 20n;
const TRUE = 21n;
const BIGNUMS: ReadonlySet<bigint> = new Set([2n, 3n]);
const SHARING: ReadonlySet<bigint> = new Set([28n, 29n]);

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** The value that `data` encodes, maps having integer keys in the order 0, 1, 2, …, -1, -2, …. Throws Malformed. */
export const loads = (data: Bytes): Value => new Reader(data, true).whole();

/** As `loads`, for formats of others: keys may be texts too and come in any order; their reader compares encodings. */
export const parse = (data: Bytes): Value => new Reader(data, false).whole();

export const isMap = (value: Value | undefined): value is CborMap => value instanceof Map;

/** The shortest encoding of a value; maps keep their order. */
export function dumps(value: Value): Bytes {
  if (typeof value === "bigint") return value >= 0n ? head(UNSIGNED, value) : head(NEGATIVE, -1n - value);
  if (typeof value === "string") return withHead(TEXT, encoder.encode(value));
  if (typeof value === "boolean") return head(7, value ? TRUE : FALSE);
  if (value instanceof Uint8Array) return withHead(BYTES, value);
  if (isMap(value)) return concat(head(MAP, value.size), ...[...value].flat().map(dumps));
  return concat(head(ARRAY, value.length), ...value.map(dumps));
}

const withHead = (major: number, content: Bytes): Bytes => concat(head(major, content.length), content);

/** The head of a value, at its shortest (RFC 8949, 3). */
export function head(major: number, argument: number | bigint): Bytes {
  const value = BigInt(argument);
  const size = value < 24n ? 0 : value < 1n << 8n ? 1 : value < 1n << 16n ? 2 : value < 1n << 32n ? 4 : 8;
  const encoded = new Uint8Array(1 + size);
  encoded[0] = (major << 5) | (size === 0 ? Number(value) : 24 + Math.log2(size));
  for (let at = size, rest = value; at > 0; at--, rest >>= 8n) encoded[at] = Number(rest & 0xffn);
  return encoded;
}

/** Where a key stands among others: the byte order of integers, 0, 1, 2, …, -1, -2, …. */
const rank = (key: bigint): bigint => (key >= 0n ? key : INT_LIMIT - 1n - key);

class Reader {
  readonly #data: Bytes;
  readonly #strict: boolean;
  #at = 0;

  constructor(data: Bytes, strict: boolean) {
    this.#data = data;
    this.#strict = strict;
  }

  whole(): Value {
    const value = this.#value(0);
    if (this.#at !== this.#data.length) throw new Malformed("cbor_not_canonical");
    return value;
  }

  #value(depth: number): Value {
    const [major, argument] = this.#head();
    if (major === UNSIGNED) return bounded(argument);
    if (major === NEGATIVE) return bounded(-1n - argument);
    if (major === BYTES) return this.#take(argument).slice();
    if (major === TEXT) return this.#text(argument);
    if (major > MAP) return simple(major, argument);
    if (depth === MAX_DEPTH) throw new Malformed("cbor");
    return major === ARRAY ? this.#array(argument, depth + 1) : this.#map(argument, depth + 1);
  }

  #head(): [major: number, argument: bigint] {
    const [initial = 0] = this.#take(1n);
    const [major, short] = [initial >> 5, initial & 31];
    if (short < 24) return [major, BigInt(short)];
    if (short > 27) throw new Malformed("cbor"); // reserved, or of indefinite length
    let argument = 0n;
    for (const byte of this.#take(1n << BigInt(short - 24))) argument = (argument << 8n) | BigInt(byte);
    if (major < 7 && head(major, argument).length !== 1 + (1 << (short - 24)))
      throw new Malformed("cbor_not_canonical");
    return [major, major < 7 ? argument : -1n]; // a float, or a simple value in two bytes: neither is any of ours
  }

  #take(length: bigint): Bytes {
    if (length > this.#data.length - this.#at) throw new Malformed("cbor");
    const start = this.#at;
    this.#at += Number(length);
    return this.#data.subarray(start, this.#at);
  }

  #text(length: bigint): string {
    try {
      return utf8.decode(this.#take(length));
    } catch {
      throw new Malformed("cbor");
    }
  }

  #array(length: bigint, depth: number): Value[] {
    const items: Value[] = [];
    for (let left = length; left > 0n; left--) items.push(this.#value(depth)); // ends with the data, whatever `length` is
    return items;
  }

  #map(length: bigint, depth: number): CborMap {
    const members = new Map<bigint | string, Value>();
    let previous = -1n;
    for (let left = length; left > 0n; left--) {
      const key = this.#key(depth);
      if (members.has(key)) throw new Malformed("cbor");
      if (typeof key === "bigint") previous = this.#following(previous, rank(key));
      members.set(key, this.#value(depth));
    }
    return members;
  }

  #following(previous: bigint, next: bigint): bigint {
    if (this.#strict && next < previous) throw new Malformed("cbor_key_order");
    return next;
  }

  #key(depth: number): bigint | string {
    const key = this.#value(depth);
    if (typeof key === "bigint" || (typeof key === "string" && !this.#strict)) return key;
    throw new Malformed("cbor_key_type");
  }
}

function bounded(integer: bigint): bigint {
  if (integer < -INT_LIMIT || integer >= INT_LIMIT) throw new Malformed("cbor_integer");
  return integer;
}

/** `false` or `true`; tags, floats and other simple values are refused, each as what it is. */
function simple(major: number, argument: bigint): boolean {
  if (major === TAG && BIGNUMS.has(argument)) throw new Malformed("cbor_integer");
  if (major === TAG && SHARING.has(argument)) throw new Malformed("cbor");
  if (major === TAG || (argument !== FALSE && argument !== TRUE)) throw new Malformed("cbor_type");
  return argument === TRUE;
}
