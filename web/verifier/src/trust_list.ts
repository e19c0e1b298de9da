/**
 * The trust list: whom a city's verifiers believe, signed by its root key.
 *
 *     {1: origin, 4: end, 6: time of signing, -65538: {1: version, 2: [agency, …], 3: [key, …], 4: [publisher, …],
 *      5: true if of a development root}}
 *
 *     agency     {1: code, 2: name vi, 3: name en, 4: [types it may issue], 5: [successors]}
 *     key        {1: public key, 2: agency, 3: state, 4: valid from, 5: valid until, 6: compromised at, 7: honest set}
 *     publisher  {1: public key, 2: may sign from, 3: until}
 *
 * Deterministic CBOR; a public key is its DER SubjectPublicKeyInfo; a state is its place in `STATES`. What says nothing
 * is not written.
 */

import { type Bytes, equal } from "./bytes.js";
import * as cbor from "./cbor.js";
import { Profile, readPublicKey } from "./cose.js";
import { MAX_PAYLOAD, NotBelieved, type PublicKeys, unseal } from "./documents.js";
import { Malformed } from "./malformed.js";
import type { KeyState, Publisher, Trust, TrustedAgency, TrustedKey } from "./trust.js";

const PROFILE = new Profile("application/khoso-trust+cwt", MAX_PAYLOAD);

const [ISS, EXP, IAT, CONTENT] = [1, 4, 6, -65538];
const [VERSION, AGENCIES, KEYS, PUBLISHERS, DEVELOPMENT] = [1, 2, 3, 4, 5];
const [CODE, NAME_VI, NAME_EN, MAY_ISSUE, SUCCESSORS] = [1, 2, 3, 4, 5];
const [PUBLIC_KEY, AGENCY, STATE, VALID_FROM, VALID_UNTIL, COMPROMISED_AT, HONEST_SET] = [1, 2, 3, 4, 5, 6, 7];
const [SIGNS_FROM, SIGNS_UNTIL] = [2, 3];

const STATES: readonly KeyState[] = ["pre_active", "active", "retired", "compromised"];

/**
 * The trust in a list that one of the roots signed for this city.
 *
 * Throws Malformed, or NotBelieved for another signer or another city. Whether it is older than another is for whoever
 * holds that to say, and whether it has expired for `verify`: an expired list makes a verifier answer "cannot tell".
 */
export async function unsealTrust(signed: Bytes, roots: PublicKeys, origin: string): Promise<Trust> {
  return decode((await unseal(PROFILE, signed, roots)).payload, origin);
}

async function decode(payload: Bytes, origin: string): Promise<Trust> {
  const { iss, trust } = await readOrRefuse(payload);
  if (iss !== origin) throw new NotBelieved("origin");
  // Refuses whatever was not read: other members, other orders.
  if (!equal(cbor.dumps(encode(trust, origin)), payload)) throw new Malformed("trust_list");
  return trust;
}

async function readOrRefuse(payload: Bytes): Promise<{ iss: string; trust: Trust }> {
  try {
    const top = members(cbor.loads(payload));
    return { iss: text(top, ISS), trust: await read(top) };
  } catch {
    throw new Malformed("trust_list");
  }
}

async function read(top: cbor.CborMap): Promise<Trust> {
  const content = members(get(top, CONTENT));
  const keys = await Promise.all(list(content, KEYS).map(readKey));
  const publishers = await Promise.all(list(content, PUBLISHERS).map(readPublisher));
  const agencies = list(content, AGENCIES).map(readAgency);
  return {
    issuedAt: integer(top, IAT),
    expiresAt: integer(top, EXP),
    keys: new Map(keys.map((key) => [key.kid, key])),
    agencies: new Map(agencies.map((agency) => [agency.code, agency])),
    publishers: new Map(publishers.map((publisher) => [publisher.kid, publisher])),
    honestSets: new Map(),
    version: integer(content, VERSION),
    development: content.has(BigInt(DEVELOPMENT)),
  };
}

function readAgency(value: cbor.Value): TrustedAgency {
  const raw = members(value);
  return {
    code: text(raw, CODE),
    nameVi: text(raw, NAME_VI),
    nameEn: text(raw, NAME_EN),
    mayIssue: new Set(texts(raw, MAY_ISSUE)),
    successors: texts(raw, SUCCESSORS),
  };
}

async function readKey(value: cbor.Value): Promise<TrustedKey> {
  const raw = members(value);
  return {
    ...(await readPublicKey(bytes(raw, PUBLIC_KEY))),
    agencyCode: text(raw, AGENCY),
    state: found(STATES[integer(raw, STATE)]),
    validFrom: integer(raw, VALID_FROM),
    validUntil: optional(raw, VALID_UNTIL, integer),
    compromisedAt: optional(raw, COMPROMISED_AT, integer),
    honestDigest: optional(raw, HONEST_SET, bytes),
  };
}

async function readPublisher(value: cbor.Value): Promise<Publisher> {
  const raw = members(value);
  return {
    ...(await readPublicKey(bytes(raw, PUBLIC_KEY))),
    validFrom: integer(raw, SIGNS_FROM),
    validUntil: optional(raw, SIGNS_UNTIL, integer),
  };
}

/** The one encoding of a trust. */
const encode = (trust: Trust, origin: string): cbor.Value =>
  written([
    [ISS, origin],
    [EXP, trust.expiresAt],
    [IAT, trust.issuedAt],
    [
      CONTENT,
      written([
        [VERSION, trust.version],
        [AGENCIES, sorted(trust.agencies).map(encodeAgency)],
        [KEYS, sorted(trust.keys).map(encodeKey)],
        [PUBLISHERS, sorted(trust.publishers).map(encodePublisher)],
        [DEVELOPMENT, trust.development || null],
      ]),
    ],
  ]);

const encodeAgency = (agency: TrustedAgency): cbor.Value =>
  written([
    [CODE, agency.code],
    [NAME_VI, agency.nameVi],
    [NAME_EN, agency.nameEn],
    [MAY_ISSUE, agency.mayIssue.size > 0 ? [...agency.mayIssue].sort() : null],
    [SUCCESSORS, agency.successors.length > 0 ? agency.successors : null],
  ]);

const encodeKey = (key: TrustedKey): cbor.Value =>
  written([
    [PUBLIC_KEY, key.der],
    [AGENCY, key.agencyCode],
    [STATE, STATES.indexOf(key.state)],
    [VALID_FROM, key.validFrom],
    [VALID_UNTIL, key.validUntil],
    [COMPROMISED_AT, key.compromisedAt],
    [HONEST_SET, key.honestDigest],
  ]);

const encodePublisher = (publisher: Publisher): cbor.Value =>
  written([
    [PUBLIC_KEY, publisher.der],
    [SIGNS_FROM, publisher.validFrom],
    [SIGNS_UNTIL, publisher.validUntil],
  ]);

/** A map of the members that say something. */
const written = (pairs: readonly [number, cbor.Value | number | null][]): cbor.CborMap =>
  new Map(
    pairs.flatMap(([name, value]) =>
      value === null ? [] : [[BigInt(name), typeof value === "number" ? BigInt(value) : value]],
    ),
  );

const sorted = <Item>(items: ReadonlyMap<string, Item>): Item[] =>
  [...items].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, item]) => item);

const members = (value: cbor.Value): cbor.CborMap => checked(value, cbor.isMap);
const get = (raw: cbor.CborMap, name: number): cbor.Value => found(raw.get(BigInt(name)));
const list = (raw: cbor.CborMap, name: number): readonly cbor.Value[] => checked(get(raw, name), Array.isArray);
const text = (raw: cbor.CborMap, name: number): string => checked(get(raw, name), isText);
const bytes = (raw: cbor.CborMap, name: number): Bytes => checked(get(raw, name), isBytes);
const texts = (raw: cbor.CborMap, name: number): readonly string[] =>
  (optional(raw, name, list) ?? []).map((value) => checked(value, isText));

/** A number that a double holds: of a larger one the encoding would differ, and the list is refused. */
const integer = (raw: cbor.CborMap, name: number): number => Number(checked(get(raw, name), isInteger));

const optional = <Kind>(
  raw: cbor.CborMap,
  name: number,
  read: (raw: cbor.CborMap, name: number) => Kind,
): Kind | null => (raw.has(BigInt(name)) ? read(raw, name) : null);

const isText = (value: cbor.Value): value is string => typeof value === "string";
const isInteger = (value: cbor.Value): value is bigint => typeof value === "bigint";
const isBytes = (value: cbor.Value): value is Bytes => value instanceof Uint8Array;

function checked<Kind extends cbor.Value>(value: cbor.Value, is: (value: cbor.Value) => value is Kind): Kind {
  if (!is(value)) throw new TypeError();
  return value;
}

function found<Kind>(value: Kind | undefined): Kind {
  if (value === undefined) throw new TypeError();
  return value;
}
