/** The longest credential converted, in bytes: khoso has the same limit. */
const LONGEST = 768;

/** Byte length by number of digits: n bytes take ceil(8·n·log10 2) decimal digits. */
const LENGTHS = new Map(
  Array.from({ length: LONGEST }, (_, i) => [Math.ceil(8 * (i + 1) * Math.log10(2)), i + 1]),
);

/** Decodes zero-padded decimal digits, one big-endian integer, into bytes; throws if no byte string has this form. */
export function bytesOfDigits(digits) {
  const length = LENGTHS.get(digits.length);
  if (length === undefined || !/^[0-9]+$/.test(digits)) throw new Error('not a code');
  const hex = BigInt(digits).toString(16).padStart(2 * length, '0');
  if (hex.length > 2 * length) throw new Error('not a code');
  return Buffer.from(hex, 'hex');
}
