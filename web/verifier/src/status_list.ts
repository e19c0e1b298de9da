/**
 * Status lists: two bits per credential in one compressed byte array (IETF Token Status List, sections 4 and 7).
 *
 * Value `n` stands in byte `n // 4`, least significant bits first; the array travels in a zlib container (RFC 1950). A
 * list starts with every value INVALID, so that an index nobody has recorded reads "not issued".
 */

import { Z_DATA_ERROR, Z_FINISH, Z_STREAM_END, ZStream, zlibInflate, zlibInflateInit } from "pako";
import type { Bytes } from "./bytes.js";
import { Malformed } from "./malformed.js";

/** Credentials in one of our lists, from its first day on. */
export const SIZE = 1 << 17;

/** Longest array inflated: 2^20 values, a size that others publish. */
const MAX_BYTES = 1 << 18;

const PER_BYTE = 4;
/** Token Status List, section 7.1; 3 is application specific. */
export type Status = "valid" | "invalid" | "suspended" | "superseded";

const STATUSES = ["valid", "invalid", "suspended", "superseded"] as const;

/** The values of one list. */
export class StatusList {
  readonly #data: Uint8Array;

  /** A list from its packed array. */
  constructor(data: Uint8Array) {
    this.#data = data;
  }

  /** The status at an index; null outside the list. */
  find(index: bigint): Status | null {
    if (index < 0n || index >= BigInt(this.#data.length * PER_BYTE)) return null;
    const at = Number(index);
    const byte = this.#data[Math.floor(at / PER_BYTE)] ?? 0;
    return STATUSES[((byte >> (2 * (at % PER_BYTE))) & 3) as 0 | 1 | 2 | 3];
  }
}

/** The list in `lst`. Throws Malformed; never inflates more than MAX_BYTES. */
export function decompress(compressed: Uint8Array): StatusList {
  const data = inflate(compressed, MAX_BYTES, "status_list");
  if (data.length === 0) throw new Malformed("status_list_size");
  return new StatusList(data);
}

/** What a whole zlib container (RFC 1950) holds, `most` bytes at the most. Throws Malformed under that name. */
export function inflate(compressed: Uint8Array, most: number, name: string): Bytes {
  const stream = new ZStream();
  zlibInflateInit(stream);
  stream.input = compressed;
  stream.avail_in = compressed.length;
  stream.output = new Uint8Array(most + 1); // one more, or the end of a full stream is not looked at
  stream.avail_out = most + 1;
  const end = zlibInflate(stream, Z_FINISH);
  if (end === Z_DATA_ERROR) throw new Malformed(`${name}_zlib`);
  if (end !== Z_STREAM_END || stream.avail_in > 0 || stream.next_out > most) throw new Malformed(`${name}_size`);
  return stream.output.slice(0, stream.next_out);
}
