export * as bundle from "./bundle.js";
export type { Bytes } from "./bytes.js";
export type { Claims, FieldValue, StatusRef } from "./claims.js";
export { type PublicKey, readPublicKey } from "./cose.js";
export { keysByKid, NotBelieved, type PublicKeys } from "./documents.js";
export { fits, fromCode, shown, type Words } from "./field_values.js";
export { madeVisible } from "./hidden.js";
export { decode as decodeHonestSet, HonestSet } from "./honest_set.js";
export { Lists } from "./lists.js";
export * as lookup from "./lookup.js";
export { Malformed } from "./malformed.js";
export {
  type Choice,
  type Field,
  type FieldKind,
  type ResultType,
  readDefinition,
  type SubjectKind,
  type TypeCatalogue,
  typeKey,
} from "./result_type.js";
export { decompress, type Status, StatusList } from "./status_list.js";
export type { StatusToken } from "./status_token.js";
export type { KeyState, Publisher, Trust, TrustedAgency, TrustedKey } from "./trust.js";
export {
  type Freshness,
  type GenuinePaper,
  OFFLINE,
  ONLINE,
  type Outcome,
  type StatusAnswer,
  type StatusSource,
  type Verdict,
  verify,
} from "./verdict.js";
export {
  type FieldView,
  type IssuerView,
  type Known,
  type PaperView,
  present,
  type VerdictView,
  type WithdrawalView,
} from "./view.js";
export { type Colour, type Wording, words } from "./wording.js";
