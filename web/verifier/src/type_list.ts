/**
 * The type list: the definitions of all result types of a city, signed by a publisher.
 *
 *     {1: origin, 6: time of signing, -65539: {1: version, 2: [definition as JSON, …]}}          deterministic CBOR
 *
 * Definitions never change, so a list does not expire: an old one lacks the newest types, and "cannot tell" is then the
 * answer for their papers.
 */

import type { Bytes } from "./bytes.js";
import * as cbor from "./cbor.js";
import { Profile } from "./cose.js";
import { MAX_PAYLOAD, NotBelieved, unseal } from "./documents.js";
import { Malformed } from "./malformed.js";
import { type ResultType, readDefinition, type TypeCatalogue, typeKey } from "./result_type.js";
import { maySignAt, type Publisher } from "./trust.js";

const PROFILE = new Profile("application/khoso-types+cwt", MAX_PAYLOAD);

const [ISS, IAT, CONTENT] = [1n, 6n, -65539n];
const [VERSION, DEFINITIONS] = [1n, 2n];

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** All result types of a city at one version of its catalogue. */
export interface TypeList {
  readonly origin: string;
  readonly version: bigint;
  readonly issuedAt: number;
  /** Each type and version in its JSON. */
  readonly definitions: readonly Bytes[];
}

/** The list that a publisher signed in its time, for this city. Throws Malformed or NotBelieved. */
export async function unsealTypes(
  signed: Bytes,
  publishers: ReadonlyMap<string, Publisher>,
  origin: string,
): Promise<TypeList> {
  const { signer, payload } = await unseal(PROFILE, signed, publishers);
  const listed = decode(payload);
  if (listed.origin !== origin) throw new NotBelieved("origin");
  if (!maySignAt(signer, listed.issuedAt)) throw new NotBelieved("signer_out_of_time");
  return listed;
}

/** The types of a list. Throws Malformed. */
export function typesOf(listed: TypeList): TypeCatalogue {
  const types = listed.definitions.map(readJson);
  return new Map(types.map((type) => [typeKey(type.code, type.version), type]));
}

function decode(payload: Bytes): TypeList {
  const top = exactly(cbor.loads(payload), ISS, IAT, CONTENT);
  const content = exactly(top.get(CONTENT), VERSION, DEFINITIONS);
  const [origin, issuedAt, version, definitions] = [
    top.get(ISS),
    top.get(IAT),
    content.get(VERSION),
    content.get(DEFINITIONS),
  ];
  if (typeof origin !== "string" || typeof issuedAt !== "bigint" || typeof version !== "bigint") {
    throw new Malformed("type_list");
  }
  if (!isListOfBytes(definitions)) throw new Malformed("type_list");
  return { origin, version, issuedAt: Number(issuedAt), definitions };
}

const isListOfBytes = (value: cbor.Value | undefined): value is readonly Bytes[] =>
  Array.isArray(value) && value.every((each) => each instanceof Uint8Array);

/** The map, if it has exactly these members; the strict reader has seen to their order. */
function exactly(value: cbor.Value | undefined, ...names: readonly bigint[]): cbor.CborMap {
  if (!cbor.isMap(value) || value.size !== names.length || !names.every((name) => value.has(name))) {
    throw new Malformed("type_list");
  }
  return value;
}

function readJson(definition: Bytes): ResultType {
  try {
    return readDefinition(JSON.parse(utf8.decode(definition)));
  } catch {
    throw new Malformed("type_definition");
  }
}
