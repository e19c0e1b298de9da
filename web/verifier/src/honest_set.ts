/**
 * The honest papers of a stolen key: what it had signed before the theft, so that they stay good and nothing else is.
 *
 *     {list: [zlib(bitmap), fingerprints], …}          deterministic CBOR
 *
 * For each status list a bitmap of the indexes that the key's papers have (bit `i` in byte `i // 8`, least significant
 * first), and the first 64 bits of the signed hash of each, in the order of the indexes. The fingerprint stands *at an
 * index*: with other content on the index of an honest paper a thief has to hit that one paper's 64 bits.
 */

import { type Bytes, equal } from "./bytes.js";
import * as cbor from "./cbor.js";
import type { StatusRef } from "./claims.js";
import { Malformed } from "./malformed.js";
import { inflate, SIZE } from "./status_list.js";

const FINGERPRINT_BYTES = 8;
const BITMAP_BYTES = SIZE / 8;

/** The honest papers of one status list. */
interface Papers {
  readonly bitmap: Bytes;
  readonly fingerprints: Bytes;
}

/** Which papers a compromised key had honestly signed. */
export class HonestSet {
  readonly #papers: ReadonlyMap<bigint, Papers>;

  constructor(papers: ReadonlyMap<bigint, Papers>) {
    this.#papers = papers;
  }

  /** Whether exactly this paper is among them; `signedHash` is SHA-256 of what was signed. */
  holds(ref: StatusRef, signedHash: Bytes): boolean {
    const papers = this.#papers.get(ref.listId);
    if (papers === undefined || ref.statusIndex >= BigInt(SIZE)) return false;
    const index = Number(ref.statusIndex);
    const [byte, bit] = [index >> 3, index & 7];
    const here = papers.bitmap[byte] ?? 0;
    if (((here >> bit) & 1) === 0) return false;
    const earlier = bitCount(papers.bitmap.subarray(0, byte)) + bitCount([here & ((1 << bit) - 1)]);
    const fingerprint = papers.fingerprints.subarray(earlier * FINGERPRINT_BYTES, (earlier + 1) * FINGERPRINT_BYTES);
    return equal(fingerprint, signedHash.subarray(0, FINGERPRINT_BYTES));
  }
}

/** Of nothing. */
export const NO_PAPERS = new HonestSet(new Map());

/** The set in these bytes. Throws Malformed; never inflates more than a bitmap of one list. */
export function decode(data: Bytes): HonestSet {
  const lists = cbor.loads(data);
  if (!cbor.isMap(lists)) throw new Malformed("honest_set");
  return new HonestSet(new Map(Array.from(lists, ([listId, pair]) => [BigInt(listId), decodeList(listId, pair)])));
}

function decodeList(listId: bigint | string, pair: cbor.Value): Papers {
  if (BigInt(listId) < 0n || !Array.isArray(pair) || pair.length !== 2) throw new Malformed("honest_set");
  const [compressed, fingerprints] = pair;
  if (!(compressed instanceof Uint8Array) || !(fingerprints instanceof Uint8Array)) throw new Malformed("honest_set");
  const bitmap = inflate(compressed, BITMAP_BYTES, "honest_set");
  if (bitmap.length !== BITMAP_BYTES || fingerprints.length !== bitCount(bitmap) * FINGERPRINT_BYTES) {
    throw new Malformed("honest_set_size");
  }
  return { bitmap, fingerprints: fingerprints.slice() };
}

function bitCount(bytes: Iterable<number>): number {
  let count = 0;
  for (const byte of bytes) for (let rest = byte; rest > 0; rest &= rest - 1) count++;
  return count;
}
