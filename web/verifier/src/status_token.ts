/**
 * Status list tokens: a status list, signed by a publisher of the city (IETF Token Status List, draft 20, section 5).
 *
 *     {2: address, 4: end, 6: time of signing, 65533: {"lst": zlib, "bits": 2, "aggregation_uri": address}, 65534: ttl,
 *      -65540: version}
 *
 * The version is our own claim: it rises with every change of the list, so that an older list is known as such.
 */

import { type Bytes, equal } from "./bytes.js";
import * as cbor from "./cbor.js";
import { Profile } from "./cose.js";
import { MAX_PAYLOAD, NotBelieved, unseal } from "./documents.js";
import { Malformed } from "./malformed.js";
import { maySignAt, type Publisher } from "./trust.js";

const PROFILE = new Profile("application/statuslist+cwt", MAX_PAYLOAD);

const [SUB, EXP, IAT, STATUS_LIST, TTL, VERSION] = [2n, 4n, 6n, 65533n, 65534n, -65540n];
const BITS = 2n;
const ADDRESS = /^(.*\/)?([0-9]+)$/s;

/** What a publisher says of one list. `compressed` is its `lst`. Times are seconds since 1970 UTC. */
export interface StatusToken {
  readonly origin: string;
  readonly listId: bigint;
  readonly version: number;
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** Seconds after which a consumer should ask for a newer one. */
  readonly ttl: number;
  readonly compressed: Bytes;
}

/**
 * The token in a CWT that a publisher signed in its time, for this city. Throws Malformed or NotBelieved.
 *
 * Whether the token has expired, or is older than another, is for whoever holds it to say.
 */
export async function unsealStatus(
  signed: Bytes,
  publishers: ReadonlyMap<string, Publisher>,
  origin: string,
): Promise<StatusToken> {
  const { signer, payload } = await unseal(PROFILE, signed, publishers);
  const token = decode(payload, origin);
  if (!maySignAt(signer, token.issuedAt)) throw new NotBelieved("signer_out_of_time");
  return token;
}

function decode(payload: Bytes, origin: string): StatusToken {
  const claims = members(cbor.parse(payload));
  const told = claims.get(SUB);
  const compressed = members(claims.get(STATUS_LIST)).get("lst");
  if (typeof told !== "string" || !(compressed instanceof Uint8Array)) throw new Malformed("status_token");
  const token = {
    origin,
    listId: listId(told),
    version: integer(claims.get(VERSION)),
    issuedAt: integer(claims.get(IAT)),
    expiresAt: integer(claims.get(EXP)),
    ttl: integer(claims.get(TTL)),
    compressed,
  };
  if (told !== `${origin}/lists/status/${token.listId}`) throw new NotBelieved("origin");
  // Refuses whatever was not read: other claims, other orders.
  if (!equal(encode(token), payload)) throw new Malformed("status_token");
  return token;
}

function encode(token: StatusToken): Bytes {
  const lists = `${token.origin}/lists/status`;
  const statusList = new Map<string, cbor.Value>([
    ["lst", token.compressed],
    ["bits", BITS],
    ["aggregation_uri", lists],
  ]);
  return cbor.dumps(
    new Map<bigint, cbor.Value>([
      [SUB, `${lists}/${token.listId}`],
      [EXP, BigInt(token.expiresAt)],
      [IAT, BigInt(token.issuedAt)],
      [STATUS_LIST, statusList],
      [TTL, BigInt(token.ttl)],
      [VERSION, BigInt(token.version)],
    ]),
  );
}

function listId(address: string): bigint {
  const number = ADDRESS.exec(address)?.[2];
  if (number === undefined) throw new Malformed("status_token");
  return BigInt(number);
}

function members(value: cbor.Value | undefined): cbor.CborMap {
  if (!cbor.isMap(value)) throw new Malformed("status_token");
  return value;
}

/** A number that a double holds: of a larger one the encoding would differ, and the token is refused. */
function integer(value: cbor.Value | undefined): number {
  if (typeof value !== "bigint") throw new Malformed("status_token");
  return Number(value);
}
