/**
 * What the values in a code mean: the fields of a result type, in one published version.
 *
 * A credential names its type and version; the definition is public, so any verifier can show labels, units and the one
 * thing to compare with the paper's bearer. Definitions never change once published.
 */

import { Malformed } from "./malformed.js";

/** What the inspector has in front of him; it drives the screen. */
export type SubjectKind = "person" | "premises" | "vehicle" | "vessel";

/**
 * How a field's value is written in a code:
 *
 * text: string · integer: bigint · decimal: bigint in units of 10^-scale · date: days since 1970-01-01 · choice: index
 * into `choices` · texts: list of strings · hours: list of minutes since midnight, start and end in turn,
 * Asia/Ho_Chi_Minh
 */
export type FieldKind = "text" | "integer" | "decimal" | "date" | "choice" | "texts" | "hours";

/** One value of a `choice` field. Choices are only ever appended. */
export interface Choice {
  readonly value: string;
  readonly labelVi: string;
  readonly labelEn: string;
}

/** One field of a result type. `number` is its key in the code, `name` its key in the API. */
export interface Field {
  readonly number: bigint;
  readonly name: string;
  readonly kind: FieldKind;
  readonly labelVi: string;
  readonly labelEn: string;
  /** For personal identifiers: only this many last characters are in the code. */
  readonly keepLast: number | null;
  readonly scale: number;
  readonly unit: string;
  readonly choices: readonly Choice[];
}

/** One version of a result type, e.g. `KQ.H17.000001` version 1: as much of it as a verifier needs. */
export interface ResultType {
  readonly code: string;
  readonly version: number;
  readonly nameVi: string;
  readonly nameEn: string;
  readonly subjectKind: SubjectKind;
  /** Name of the field shown big, to be compared with what the inspector sees. */
  readonly comparisonField: string;
  /** Names of the fields to show first, in this order. */
  readonly glance: readonly string[];
  readonly fields: readonly Field[];
  readonly expiresSoonDays: number;
}

/** Result types by `typeKey`. */
export type TypeCatalogue = ReadonlyMap<string, ResultType>;

export const typeKey = (code: string, version: number | bigint): string => `${code} ${version}`;

/** The fields as an inspector reads them: those for the first glance first, then in the order of the paper. */
export function byGlance(type: ResultType): readonly Field[] {
  const glance = type.glance.flatMap((name) => type.fields.filter((field) => field.name === name));
  return [...glance, ...type.fields.filter((field) => !glance.includes(field))];
}

const KINDS: readonly string[] = ["text", "integer", "decimal", "date", "choice", "texts", "hours"];
const SUBJECTS: readonly string[] = ["person", "premises", "vehicle", "vessel"];
const EXPIRES_SOON_DAYS = 30;

type Json = Readonly<Record<string, unknown>>;

/** A definition from its JSON; members that a later release may have added are passed over. Throws Malformed. */
export function readDefinition(raw: unknown): ResultType {
  const members = object(raw);
  return {
    code: string(members["code"]),
    version: integer(members["version"]),
    nameVi: string(members["name_vi"]),
    nameEn: string(members["name_en"]),
    subjectKind: oneOf(members["subject_kind"], SUBJECTS) as SubjectKind,
    comparisonField: string(members["comparison_field"]),
    glance: array(members["glance"]).map(string),
    fields: array(members["fields"]).map(readField),
    expiresSoonDays: integer(members["expires_soon_days"] ?? EXPIRES_SOON_DAYS),
  };
}

function readField(raw: unknown): Field {
  const members = object(raw);
  const keepLast = members["keep_last"] ?? null;
  return {
    number: BigInt(integer(members["number"])),
    name: string(members["name"]),
    kind: oneOf(members["kind"], KINDS) as FieldKind,
    labelVi: string(members["label_vi"]),
    labelEn: string(members["label_en"]),
    keepLast: keepLast === null ? null : integer(keepLast),
    scale: integer(members["scale"] ?? 0),
    unit: string(members["unit"] ?? ""),
    choices: array(members["choices"] ?? []).map(readChoice),
  };
}

function readChoice(raw: unknown): Choice {
  const members = object(raw);
  return {
    value: string(members["value"]),
    labelVi: string(members["label_vi"]),
    labelEn: string(members["label_en"]),
  };
}

function object(value: unknown): Json {
  if (typeof value !== "object" || value === null) throw new Malformed("type_definition");
  return value as Json;
}

function array(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Malformed("type_definition");
  return value;
}

function string(value: unknown): string {
  if (typeof value !== "string") throw new Malformed("type_definition");
  return value;
}

function integer(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw new Malformed("type_definition");
  return value as number;
}

function oneOf(value: unknown, known: readonly string[]): string {
  if (!known.includes(string(value))) throw new Malformed("type_definition");
  return value as string;
}
