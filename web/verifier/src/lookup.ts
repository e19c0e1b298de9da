/**
 * The look-up code: what a person types when the QR cannot be scanned.
 *
 *     H17.05.12-261123-000123-KQ1 7K3M9X        result code, five random characters, one check character
 *
 * The alphabet is Crockford's base 32 (no I, L, O, U; on input they read as 1, 1, 0, V). The check character is Luhn mod
 * 32 over the whole, so one wrong character, and nearly every swap of neighbours, is told as a typing error instead of
 * as a forgery.
 */

import { Malformed } from "./malformed.js";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const RESULT_CODE = /^[0-9A-Z]{1,3}(?:\.[0-9A-Z]{2,3}){0,4}-[0-9]{6}-[0-9]{4,6}-KQ[0-9]{1,4}$/;
const TYPED = /^([^ ]+) ?([0-9A-Z]{5})([0-9A-Z])$/;
const NUMBERED = /-KQ\(([0-9]{1,4})\)/g;
const MAX_TYPED = 80;

const LOOK_ALIKES: readonly [string, number][] = [
  ["I", 1],
  ["L", 1],
  ["O", 0],
  ["U", 27],
];
const VALUE: ReadonlyMap<string, number> = new Map([
  ...Array.from(ALPHABET, (character, value): [string, number] => [character, value]),
  ...LOOK_ALIKES,
]);

/** A typed code whose check character was right; whether it exists only the record can tell. */
export interface LookupCode {
  readonly resultCode: string;
  readonly secret: string;
}

/** Read what a person typed: case, spaces and look-alike letters do not matter. Throws Malformed. */
export function parse(typed: string): LookupCode {
  if (typed.length > MAX_TYPED) throw new Malformed("lookup_form");
  const text = typed.toUpperCase().trim().replace(/\s+/g, " ").replace(NUMBERED, "-KQ$1");
  const [, resultCode = "", secret = "", check = ""] = TYPED.exec(text) ?? [];
  if (!RESULT_CODE.test(resultCode)) throw new Malformed("lookup_form");
  if (checkCharacter(resultCode, normal(secret)) !== normal(check)) throw new Malformed("lookup_check");
  return { resultCode, secret: normal(secret) };
}

function checkCharacter(resultCode: string, secret: string): string {
  let total = 0;
  for (const [position, character] of [...resultCode, ...secret].reverse().entries()) {
    const doubled = (VALUE.get(character) ?? 0) * (2 - (position % 2));
    total += Math.floor(doubled / ALPHABET.length) + (doubled % ALPHABET.length);
  }
  return ALPHABET.charAt((ALPHABET.length - (total % ALPHABET.length)) % ALPHABET.length);
}

const normal = (characters: string): string =>
  Array.from(characters, (character) => ALPHABET.charAt(VALUE.get(character) ?? 0)).join("");
