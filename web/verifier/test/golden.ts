/** Reads the golden vectors, tests/golden of the repository: the same files that the Python verifier runs. */

import { readdirSync, readFileSync } from "node:fs";
import type { Bytes } from "../src/bytes.js";
import {
  decodeHonestSet,
  decompress,
  type Freshness,
  type Known,
  keysByKid,
  Lists,
  type Outcome,
  type PublicKey,
  type PublicKeys,
  type ResultType,
  readDefinition,
  readPublicKey,
  type StatusSource,
  type Trust,
  type TrustedKey,
  typeKey,
  type Verdict,
  verify,
} from "../src/index.js";

const FOLDER = new URL("../../../../tests/golden/", import.meta.url);

export interface Vector {
  readonly description: string;
  readonly code: string;
  readonly origin: string;
  readonly now: number;
  readonly freshness: Freshness;
  readonly expect: { readonly outcome: Outcome; readonly step: number; readonly reason: string };
  readonly trust: RawTrust;
  readonly statuses: Readonly<Record<string, { lst: string; as_of: number; expires_at?: number }>>;
  readonly types: readonly unknown[];
}

interface RawTrust {
  readonly issued_at: number;
  readonly expires_at: number;
  readonly agencies: readonly { code: string; name_vi: string; name_en: string; may_issue: string[] }[];
  readonly keys: readonly RawKey[];
  readonly honest_sets: readonly string[];
}

interface RawKey {
  readonly kid: string;
  readonly agency: string;
  readonly state: TrustedKey["state"];
  readonly valid_from: number;
  readonly valid_until: number | null;
  readonly compromised_at: number | null;
  readonly honest_set: string | null;
  readonly jwk: JsonWebKey;
}

interface Document {
  readonly kind: "trust" | "types" | "status" | "honest_set";
  readonly data: string;
}

export interface DocumentVector {
  readonly description: string;
  readonly origin: string;
  readonly roots: readonly JsonWebKey[];
  readonly held: readonly Document[];
  readonly given: Document;
  readonly expect: { readonly refused: string | null };
}

export const vectorNames = (): string[] => names("vector.json");
export const documentNames = (): string[] => names("document.json");
export const readVector = (name: string): Vector => read(name, "vector.json") as Vector;
export const readDocument = (name: string): DocumentVector => read(name, "document.json") as DocumentVector;

export const fromBase64Url = (text: string): Bytes => new Uint8Array(Buffer.from(text, "base64url"));

export async function readJwk(jwk: JsonWebKey): Promise<PublicKey> {
  const key = await crypto.subtle.importKey("jwk", jwk, { name: "ECDSA", namedCurve: "P-256" }, true, ["verify"]);
  return readPublicKey(new Uint8Array(await crypto.subtle.exportKey("spki", key)));
}

export const readRoots = async (vector: DocumentVector): Promise<PublicKeys> =>
  keysByKid(...(await Promise.all(vector.roots.map(readJwk))));

/** Everything that a verifier knows besides the code. */
export interface Knowledge extends Known {
  readonly statuses: StatusSource;
}

export const readKnowledge = async (vector: Vector): Promise<Knowledge> => ({
  trust: await readTrust(vector.trust),
  types: readTypes(vector),
  statuses: readStatuses(vector),
});

/** What a verifier says that knows what the vector gives it. */
export async function judge(vector: Vector, known: Knowledge): Promise<Verdict> {
  return verify(vector.code, vector.origin, known.trust, known.types, known.statuses, vector.now, vector.freshness);
}

export async function offer(lists: Lists, { kind, data }: Document): Promise<void> {
  const taking = {
    trust: lists.takeTrust,
    types: lists.takeTypes,
    status: lists.takeStatus,
    honest_set: lists.takeHonestSet,
  };
  await taking[kind].call(lists, fromBase64Url(data));
}

export async function holding(vector: DocumentVector): Promise<Lists> {
  const lists = new Lists(vector.origin, await readRoots(vector));
  for (const document of vector.held) await offer(lists, document);
  return lists;
}

const readTypes = (vector: Vector): ReadonlyMap<string, ResultType> =>
  new Map(vector.types.map(readDefinition).map((type) => [typeKey(type.code, type.version), type]));

async function readTrust(raw: RawTrust): Promise<Trust> {
  const keys = await Promise.all(raw.keys.map(readKey));
  const sets = await Promise.all(raw.honest_sets.map(fromBase64Url).map(readHonestSet));
  const agencies = raw.agencies.map((agency) => ({
    code: agency.code,
    nameVi: agency.name_vi,
    nameEn: agency.name_en,
    mayIssue: new Set(agency.may_issue),
    successors: [],
  }));
  return {
    issuedAt: raw.issued_at,
    expiresAt: raw.expires_at,
    keys: new Map(keys.map((key) => [key.kid, key])),
    agencies: new Map(agencies.map((agency) => [agency.code, agency])),
    publishers: new Map(),
    honestSets: new Map(sets),
    version: 1,
    development: false,
  };
}

async function readHonestSet(data: Bytes) {
  const digest = Buffer.from(await crypto.subtle.digest("SHA-256", data)).toString("hex");
  return [digest, decodeHonestSet(data)] as const;
}

async function readKey(raw: RawKey): Promise<TrustedKey> {
  return {
    ...(await readJwk(raw.jwk)),
    kid: raw.kid,
    agencyCode: raw.agency,
    state: raw.state,
    validFrom: raw.valid_from,
    validUntil: raw.valid_until,
    compromisedAt: raw.compromised_at,
    honestDigest: raw.honest_set === null ? null : new Uint8Array(Buffer.from(raw.honest_set, "hex")),
  };
}

function readStatuses(vector: Vector): StatusSource {
  const lists = new Map(
    Object.entries(vector.statuses).map(([number, raw]) => [
      BigInt(number),
      [decompress(fromBase64Url(raw.lst)), raw] as const,
    ]),
  );
  return {
    findStatus({ listId, statusIndex }) {
      const [statuses, raw] = lists.get(listId) ?? [];
      const value = statuses?.find(statusIndex) ?? null;
      return value && raw ? { value, asOf: raw.as_of, expiresAt: raw.expires_at ?? null } : null;
    },
  };
}

function names(file: string): string[] {
  const paths = readdirSync(FOLDER, { recursive: true }).map(String);
  return paths.filter((path) => path.endsWith(`/${file}`)).map((path) => path.slice(0, -file.length - 1));
}

const read = (name: string, file: string): unknown =>
  JSON.parse(readFileSync(new URL(`${name}/${file}`, FOLDER), "utf8"));
