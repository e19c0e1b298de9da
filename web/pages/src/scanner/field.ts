/** What an inspector asks in the street: this truck, on this street, now? */

import type { FieldView, PaperView } from "@khoso/verifier";

const RANGE = /^(\d{2}):(\d{2})-(\d{2}):(\d{2})$/;
const TIME = new Intl.DateTimeFormat("en-GB", {
  timeZone: "Asia/Ho_Chi_Minh",
  hourCycle: "h23",
  hour: "2-digit",
  minute: "2-digit",
});

/** The paper's hours as ranges like `20:00-06:00`; null if it has none. */
export function hoursOf(paper: PaperView): readonly string[] | null {
  const field = paper.fields.find(({ value }) => isTexts(value) && value.length > 0 && value.every(isRange));
  return field === undefined ? null : (field.value as readonly string[]);
}

/** The places that the paper names one by one, such as streets; null if it names none. */
export const placesOf = (paper: PaperView): FieldView | null =>
  paper.fields.find(({ value }) => isTexts(value) && value.length > 0 && !value.some(isRange)) ?? null;

/** Whether a moment (milliseconds since 1970 UTC) lies in one of the ranges, in Vietnam's time. One may pass midnight. */
export function isWithin(hours: readonly string[], moment: number): boolean {
  const now = minutes(...timeOf(moment));
  return hours.some((range) => {
    const [, ...parts] = RANGE.exec(range) ?? [];
    const [from, until] = [minutes(parts[0], parts[1]), minutes(parts[2], parts[3])];
    return from <= until ? from <= now && now < until : from <= now || now < until;
  });
}

/** `14:05` in Vietnam's time. */
export const clockTime = (moment: number): string => timeOf(moment).join(":");

/** A text as it is compared: without case, marks and doubled spaces. */
export const folded = (text: string): string =>
  text
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .replace(/[đĐ]/g, "d")
    .toLowerCase()
    .replace(/^(duong|pho) /, "")
    .replace(/\s+/g, " ")
    .trim();

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((item) => typeof item === "string");
const isRange = (text: string): boolean => RANGE.test(text);
const minutes = (hour = "0", minute = "0"): number => 60 * Number(hour) + Number(minute);

function timeOf(moment: number): [hour: string, minute: string] {
  const part = Object.fromEntries(TIME.formatToParts(moment).map(({ type, value }) => [type, value]));
  return [part["hour"] ?? "", part["minute"] ?? ""];
}
