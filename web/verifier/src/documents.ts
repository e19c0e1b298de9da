/**
 * Signed documents: what a city publishes so that verifiers can judge by themselves.
 *
 * A document is a COSE_Sign1 with its type in the protected header and a payload in CBOR. It is believed if a key that
 * may sign this type has signed it, and if it is not older than the one already held.
 */

import type { Bytes } from "./bytes.js";
import { isSignedBy, type Profile, type PublicKey } from "./cose.js";

/** Longest payload of a document, in bytes. */
export const MAX_PAYLOAD = 1 << 24;

/** Public keys by their kid in hexadecimal digits. */
export type PublicKeys = ReadonlyMap<string, PublicKey>;

/** The document is in its format, and yet not to be believed; `reason` is a stable code. */
export class NotBelieved extends Error {
  override readonly name = "NotBelieved";
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.reason = reason;
  }
}

/** What a document says, and the key that signed it. */
export interface Unsealed<Key extends PublicKey> {
  readonly signer: Key;
  readonly payload: Bytes;
}

/**
 * The payload, once one of the keys was found to have signed it as a document of this type.
 *
 * Throws Malformed, or NotBelieved for another signer.
 */
export async function unseal<Key extends PublicKey>(
  profile: Profile,
  signed: Bytes,
  keys: ReadonlyMap<string, Key>,
): Promise<Unsealed<Key>> {
  const unverified = profile.parse(signed);
  const signer = keys.get(unverified.unverifiedKid);
  if (signer === undefined) throw new NotBelieved("signer_unknown");
  if (!(await isSignedBy(signer, unverified))) throw new NotBelieved("signature");
  return { signer, payload: unverified.unverifiedPayload };
}

/** The keys, each under its kid. */
export const keysByKid = (...keys: readonly PublicKey[]): PublicKeys => new Map(keys.map((key) => [key.kid, key]));
