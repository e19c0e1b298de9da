/**
 * COSE_Sign1 (RFC 9052, 4.2) in exactly one profile for each kind of thing that is signed.
 *
 *     18([h'{1: -7, 4: kid}', {}, payload, signature])              a credential
 *     18([h'{1: -7, 4: kid, 16: type}', {}, payload, signature])    a document, by its type (RFC 9596)
 *
 * ES256 (RFC 9053, 2.1) with the 64-byte raw signature. The frame is compared with fixed bytes instead of being decoded,
 * so there is nothing in it for a forger to vary, and what is signed as one kind is never taken for another.
 */

import { type Bytes, concat, equal, fromHex, sha256, startsWith, toHex } from "./bytes.js";
import { head } from "./cbor.js";
import { Malformed } from "./malformed.js";

const KID_BYTES = 8;
const MAX_PAYLOAD = 0xffff;

const ES256 = { name: "ECDSA", hash: "SHA-256" };
const P256 = { name: "ECDSA", namedCurve: "P-256" };
const ARRAY_OF_FOUR = fromHex("d284"); // with tag 18
const ALGORITHM_AND_KEY = fromHex("01260448"); // 1: -7, 4: 8 bytes follow
const TYPE = fromHex("10");
const UNPROTECTED = fromHex("a0");
const CONTEXT = concat(fromHex("846a"), new TextEncoder().encode("Signature1"));
const NO_EXTERNAL_DATA = fromHex("40");
const SIGNATURE_HEAD = fromHex("5840");
const SIGNATURE_BYTES = 64;
const TAIL = SIGNATURE_HEAD.length + SIGNATURE_BYTES;
const BYTE_STRING = 2;
const TEXT_STRING = 3;
const HEAD_LENGTHS = [2, 3, 1, 5]; // the usual sizes first

/** What a P-256 key's DER SubjectPublicKeyInfo (RFC 5280, 4.1) begins with; the uncompressed point follows. */
const SPKI_BEFORE_POINT = fromHex("3059301306072a8648ce3d020106082a8648ce3d03010703420004");
const SPKI_BYTES = 91;

/** The parts of a COSE_Sign1 whose signature nobody has checked yet. */
export interface Unverified {
  /** In hexadecimal digits. */
  readonly unverifiedKid: string;
  readonly unverifiedPayload: Bytes;
  readonly toBeSigned: Bytes;
  readonly signature: Bytes;
}

/** A public key, the bytes it came in and the kid that follows from them. */
export interface PublicKey {
  readonly kid: string;
  readonly der: Bytes;
  readonly key: CryptoKey;
}

/** The P-256 key in a DER SubjectPublicKeyInfo. Throws Malformed for any other, and for one not on the curve. */
export async function readPublicKey(der: Bytes): Promise<PublicKey> {
  if (der.length !== SPKI_BYTES || !startsWith(der, SPKI_BEFORE_POINT)) throw new Malformed("public_key");
  try {
    const key = await crypto.subtle.importKey("spki", der, P256, true, ["verify"]);
    return { kid: await keyId(der), der, key };
  } catch {
    throw new Malformed("public_key");
  }
}

/** `kid`: the first 8 bytes of SHA-256 over the key's DER, in hexadecimal digits. */
const keyId = async (der: Bytes): Promise<string> => toHex((await sha256(der)).subarray(0, KID_BYTES));

/** The one frame of a kind: without a type that of credentials, with one that of the documents of this type. */
export class Profile {
  readonly #maxPayload: number;
  readonly #beforeKid: Bytes;
  readonly #behindKid: Bytes;
  readonly #signedBeforeKid: Bytes;
  readonly #signedBehindKid: Bytes;

  constructor(mediaType = "", maxPayload = MAX_PAYLOAD) {
    const typeHeader = mediaType === "" ? new Uint8Array() : concat(TYPE, text(mediaType));
    const header = concat(fromHex(mediaType === "" ? "a2" : "a3"), ALGORITHM_AND_KEY);
    const start = concat(head(BYTE_STRING, header.length + KID_BYTES + typeHeader.length), header);
    this.#maxPayload = maxPayload;
    this.#beforeKid = concat(ARRAY_OF_FOUR, start);
    this.#behindKid = concat(typeHeader, UNPROTECTED);
    this.#signedBeforeKid = concat(CONTEXT, start);
    this.#signedBehindKid = concat(typeHeader, NO_EXTERNAL_DATA);
  }

  /** Take the frame apart without checking the signature. Throws Malformed. */
  parse(signed: Bytes): Unverified {
    const kidEnd = this.#beforeKid.length + KID_BYTES;
    const [payloadAt, payloadEnd] = [kidEnd + this.#behindKid.length, signed.length - TAIL];
    const behindKid = signed.subarray(kidEnd, payloadAt);
    if (!startsWith(signed, this.#beforeKid) || !equal(behindKid, this.#behindKid)) throw new Malformed("cose_frame");
    if (payloadEnd <= payloadAt || !startsWith(signed.subarray(payloadEnd), SIGNATURE_HEAD)) {
      throw new Malformed("cose_frame");
    }
    const kid = signed.subarray(this.#beforeKid.length, kidEnd);
    const encoded = signed.subarray(payloadAt, payloadEnd);
    return {
      unverifiedKid: toHex(kid),
      unverifiedPayload: this.#payloadOf(encoded),
      toBeSigned: concat(this.#signedBeforeKid, kid, this.#signedBehindKid, encoded),
      signature: signed.slice(-SIGNATURE_BYTES),
    };
  }

  #payloadOf(encoded: Bytes): Bytes {
    for (const headLength of HEAD_LENGTHS) {
      const length = encoded.length - headLength;
      if (length < 0 || length > this.#maxPayload) continue;
      if (equal(encoded.subarray(0, headLength), head(BYTE_STRING, length))) return encoded.slice(headLength);
    }
    throw new Malformed("cose_payload");
  }
}

const text = (ascii: string): Bytes => concat(head(TEXT_STRING, ascii.length), new TextEncoder().encode(ascii));

const CREDENTIAL = new Profile();

/** The parts of a credential. Throws Malformed. */
export const parse = (signed: Bytes): Unverified => CREDENTIAL.parse(signed);

/** Whether the holder of the key made the signature over these parts; r and s out of range are no signature. */
export const isSignedBy = (publicKey: PublicKey, parts: Unverified): Promise<boolean> =>
  crypto.subtle.verify(ES256, publicKey.key, parts.signature, parts.toBeSigned);
