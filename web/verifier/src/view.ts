/**
 * A verdict as the inspector reads it, with every word and label in Vietnamese and English.
 *
 * A `VerdictView` has the members of the JSON that `POST /api/v1/verify` answers, so one screen shows both.
 */

import type { Claims } from "./claims.js";
import { fromCode, shown, type Words } from "./field_values.js";
import { byGlance, type Field, type ResultType, type SubjectKind, type TypeCatalogue } from "./result_type.js";
import type { Trust } from "./trust.js";
import { findType, type Outcome, type Verdict } from "./verdict.js";
import { type Colour, words } from "./wording.js";

/** One field of the paper: its value as the API gives it, and as a person reads it. */
export interface FieldView {
  readonly name: string;
  readonly label: Words;
  readonly value: unknown;
  readonly shown: Words;
}

/** Who issued the paper, under the name it had; `successors` answer for it now, if it is no more. */
export interface IssuerView {
  readonly code: string;
  readonly name: Words;
  readonly successors: readonly IssuerView[];
}

/** What a genuine code says. Instants are in ISO 8601. */
export interface PaperView {
  readonly result_code: string;
  readonly type: { readonly code: string; readonly version: number; readonly name: Words } | null;
  readonly issuer: IssuerView;
  readonly subject_kind: SubjectKind | null;
  /** The one thing to compare with what the inspector sees. */
  readonly comparison: FieldView | null;
  readonly fields: readonly FieldView[];
  readonly issued_at: string;
  readonly valid_from: string;
  readonly expires_at: string | null;
  readonly evidence_level: number;
}

/** The act by which a paper was withdrawn: only a server, which has the record, tells it. */
export interface WithdrawalView {
  readonly act: string;
  readonly since: string;
  readonly reason_code: string;
  readonly reason: Words;
  readonly decision_number: string;
  readonly superseded_by: string | null;
}

/** The answer to a scan. `outcome` and `reason` are stable codes. */
export interface VerdictView {
  readonly outcome: Outcome;
  readonly colour: Colour;
  readonly step: number;
  readonly reason: string;
  readonly title: Words;
  readonly explanation: Words;
  readonly guidance: Words;
  readonly bearer: string;
  readonly checked_at: string;
  readonly status_as_of: string | null;
  readonly trust_as_of: string | null;
  readonly paper: PaperView | null;
  readonly withdrawal: WithdrawalView | null;
}

/** What a verifier knows besides the code. */
export interface Known {
  readonly trust: Trust;
  readonly types: TypeCatalogue;
}

/** The view of a verdict reached at `now`, in seconds since 1970 UTC. */
export function present(verdict: Verdict, known: Known, now: number): VerdictView {
  return {
    outcome: verdict.outcome,
    step: verdict.step,
    reason: verdict.reason,
    ...words(verdict.outcome, verdict.reason),
    bearer: "not_proven",
    checked_at: instant(now),
    status_as_of: optionalInstant(verdict.statusAsOf),
    trust_as_of: optionalInstant(verdict.trustAsOf),
    paper: verdict.paper === null ? null : paperView(verdict.paper.claims, known),
    withdrawal: null,
  };
}

function paperView(claims: Claims, { trust, types }: Known): PaperView {
  const type = findType(claims, types);
  const fields = type === null ? [] : fieldViews(claims, type);
  return {
    result_code: claims.resultCode,
    type: type && { code: type.code, version: type.version, name: { vi: type.nameVi, en: type.nameEn } },
    issuer: issuerView(claims.issuer, trust),
    subject_kind: type?.subjectKind ?? null,
    comparison: fields.find((field) => field.name === type?.comparisonField) ?? null,
    fields,
    issued_at: instant(claims.issuedAt),
    valid_from: instant(claims.validFrom ?? claims.issuedAt),
    expires_at: optionalInstant(claims.expiresAt),
    evidence_level: claims.evidenceLevel,
  };
}

function issuerView(code: string, trust: Trust): IssuerView {
  const agency = trust.agencies.get(code);
  return {
    code,
    name: { vi: agency?.nameVi ?? code, en: agency?.nameEn ?? code },
    successors: (agency?.successors ?? []).map((successor) => issuerView(successor, trust)),
  };
}

/** The fields that the code carries, as an inspector reads them. */
const fieldViews = (claims: Claims, type: ResultType): FieldView[] =>
  byGlance(type).flatMap((field) => fieldView(field, claims));

function fieldView(field: Field, claims: Claims): FieldView[] {
  const value = claims.fields.get(field.number);
  if (value === undefined) return [];
  const label = { vi: field.labelVi, en: field.labelEn };
  return [{ name: field.name, label, value: fromCode(field, value), shown: shown(field, value) }];
}

const instant = (seconds: number): string => new Date(seconds * 1_000).toISOString().replace(".000Z", "Z");
const optionalInstant = (seconds: number | null): string | null => (seconds === null ? null : instant(seconds));
