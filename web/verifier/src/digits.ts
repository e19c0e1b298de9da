/**
 * Bytes as decimal digits, for the numeric mode of a QR code (ISO/IEC 18004, 7.4.3).
 *
 * The bytes are one big-endian integer, zero-padded to `width(n)` digits, so the number of digits says how many bytes
 * there are.
 */

import { type Bytes, fromHex } from "./bytes.js";
import { Malformed } from "./malformed.js";

/** Longest payload: more than a version 25 symbol holds at error correction M. */
export const MAX_BYTES = 768;

/** Digits that hold any `byteCount` bytes: ceil(8·n·log10 2), for which a double is exact enough up to MAX_BYTES. */
export const width = (byteCount: number): number => Math.ceil(8 * byteCount * Math.log10(2));

const BYTES_OF_WIDTH: ReadonlyMap<number, number> = new Map(
  Array.from({ length: MAX_BYTES }, (_, index) => [width(index + 1), index + 1]),
);
const ASCII_DIGITS = /^[0-9]*$/;

/** The bytes of `digits`. Throws Malformed for other characters, a length that is no width, or an overflow. */
export function decode(digits: string): Bytes {
  const byteCount = BYTES_OF_WIDTH.get(digits.length); // caps the length before the integer is built
  if (byteCount === undefined) throw new Malformed("digits_length");
  if (!ASCII_DIGITS.test(digits)) throw new Malformed("digits_character");
  const hex = BigInt(digits).toString(16);
  if (hex.length > 2 * byteCount) throw new Malformed("digits_overflow");
  return fromHex(hex.padStart(2 * byteCount, "0"));
}
