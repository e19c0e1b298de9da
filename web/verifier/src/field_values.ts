/**
 * A field's value in its three forms: as the code carries it, as the API gives it, as a person reads it.
 *
 *     kind      code                       API                       shown
 *     text      "43C-123.45"               the same                  the same
 *     integer   3                          3                         3
 *     decimal   1150 (scale 2)             "11.50"                   11,50 m (vi) · 11.50 m (en)
 *     date      20780                      "2026-11-23"              23/11/2026
 *     choice    1                          "international"           the choice's label
 *     texts     ["Bạch Đằng", "Lê Duẩn"]   the same                  Bạch Đằng; Lê Duẩn
 *     hours     [1320, 360]                ["22:00-06:00"]           22:00-06:00
 */

import type { FieldValue } from "./claims.js";
import type { Choice, Field } from "./result_type.js";

/** One text in both languages. */
export interface Words {
  readonly vi: string;
  readonly en: string;
}

const DAY_MS = 86_400_000;
const [FIRST_DAY, LAST_DAY] = [-719_162n, 2_932_896n]; // years 1 to 9999, counted from 1970-01-01

/** Whether a value found in a code has the form of its field. */
export function fits(field: Field, value: FieldValue): boolean {
  switch (field.kind) {
    case "text":
      return typeof value === "string";
    case "texts":
      return Array.isArray(value) && typeof value[0] === "string";
    case "hours":
      return Array.isArray(value) && typeof value[0] === "bigint";
    default:
      return typeof value === "bigint" && isWithin(field, value);
  }
}

function isWithin(field: Field, value: bigint): boolean {
  if (field.kind === "choice") return value >= 0n && value < BigInt(field.choices.length);
  return field.kind !== "date" || (value >= FIRST_DAY && value <= LAST_DAY);
}

/** The API's form of a value that fits its field; an integer stays a bigint. */
export function fromCode(field: Field, value: FieldValue): bigint | string | readonly string[] {
  if (typeof value === "string") return value;
  if (typeof value !== "bigint") return field.kind === "hours" ? ranges(value as readonly bigint[]) : value.map(String);
  if (field.kind === "date") return isoDate(value);
  if (field.kind === "choice") return choiceOf(field, value).value;
  return field.kind === "decimal" ? decimal(value, field.scale) : value;
}

/** The value as a person reads it. */
export function shown(field: Field, value: FieldValue): Words {
  if (typeof value === "string") return same(field.keepLast === null ? value : `•••${value}`);
  if (field.kind === "choice") {
    const choice = choiceOf(field, value as bigint);
    return { vi: choice.labelVi, en: choice.labelEn };
  }
  const plain = fromCode(field, value);
  const text = plainText(field, plain);
  const unit = field.unit === "" ? "" : ` ${field.unit}`;
  return { vi: (field.kind === "decimal" ? text.replace(".", ",") : text) + unit, en: text + unit };
}

const same = (text: string): Words => ({ vi: text, en: text });

function plainText(field: Field, plain: bigint | string | readonly string[]): string {
  if (typeof plain === "object") return plain.join("; ");
  return field.kind === "date" ? String(plain).split("-").reverse().join("/") : String(plain);
}

function choiceOf(field: Field, value: bigint): Choice {
  const choice = field.choices[Number(value)];
  if (choice === undefined) throw new RangeError("the value does not fit its field");
  return choice;
}

const isoDate = (days: bigint): string => new Date(Number(days) * DAY_MS).toISOString().slice(0, 10);

function decimal(value: bigint, scale: number): string {
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, "0");
  const point = digits.length - scale;
  const sign = value < 0n ? "-" : "";
  return `${sign}${digits.slice(0, point)}${scale > 0 ? `.${digits.slice(point)}` : ""}`;
}

function ranges(minutes: readonly bigint[]): string[] {
  const times = minutes.map((minute) => `${pad(floorDivide(minute, 60n))}:${pad(modulo(minute, 60n))}`);
  return Array.from({ length: Math.floor(times.length / 2) }, (_, pair) => `${times[2 * pair]}-${times[2 * pair + 1]}`);
}

const modulo = (value: bigint, by: bigint): bigint => ((value % by) + by) % by;
const floorDivide = (value: bigint, by: bigint): bigint => (value - modulo(value, by)) / by;
const pad = (number: bigint): string => String(number).padStart(2, "0");
