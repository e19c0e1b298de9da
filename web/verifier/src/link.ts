/**
 * The text of a QR code: a link to the official page whose fragment is the signed credential.
 *
 *     https://kho.example.vn/v#1<digits>
 *
 * The fragment never reaches a server when the link is opened (RFC 3986, 3.5). The first digit is the format version.
 */

import type { Bytes } from "./bytes.js";
import * as digits from "./digits.js";
import { Malformed } from "./malformed.js";

const FORMAT_VERSION = "1";

/** Longest text looked at behind the `#`. */
const MAX_TEXT = 2_400;

/** The text is not a link of this city: another origin, another path, or no link at all. */
export class NotAnOfficialCode extends Error {
  override readonly name = "NotAnOfficialCode";
}

/**
 * The signed credential in `text`.
 *
 * The beginning must equal the configured one to the byte: look-alike hosts, other ports, user info, a trailing dot or
 * mixed case throw NotAnOfficialCode. A bad fragment behind the right beginning throws Malformed.
 */
export function parse(text: string, origin: string): Bytes {
  const official = `${origin}/v#`;
  if (!text.startsWith(official)) throw new NotAnOfficialCode();
  return parseFragment(text.slice(official.length));
}

function parseFragment(fragment: string): Bytes {
  if (fragment.length > MAX_TEXT) throw new Malformed("too_long");
  if (!fragment.startsWith(FORMAT_VERSION)) throw new Malformed("format_version");
  return digits.decode(fragment.slice(1));
}
