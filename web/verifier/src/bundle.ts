/**
 * The bundle: all documents that an offline verifier needs of a city, in one download.
 *
 *     {1: trust list, 2: type list, 3: [status list token, …], 4: [honest set, …]}          deterministic CBOR
 *
 * It is not signed, each document in it is; an honest set is named in the trust list.
 */

import type { Bytes } from "./bytes.js";
import * as cbor from "./cbor.js";
import { Malformed } from "./malformed.js";

/** The documents of a city, none of them checked. */
export interface Bundle {
  readonly trust: Bytes;
  readonly types: Bytes;
  readonly statuses: readonly Bytes[];
  readonly honestSets: readonly Bytes[];
}

/** The documents in these bytes. Throws Malformed. */
export function decode(data: Bytes): Bundle {
  const raw = cbor.loads(data);
  if (!cbor.isMap(raw) || raw.size !== 4) throw new Malformed("bundle");
  return {
    trust: document(raw.get(1n)),
    types: document(raw.get(2n)),
    statuses: documents(raw.get(3n)),
    honestSets: documents(raw.get(4n)),
  };
}

function document(value: cbor.Value | undefined): Bytes {
  if (!(value instanceof Uint8Array)) throw new Malformed("bundle");
  return value;
}

function documents(value: cbor.Value | undefined): readonly Bytes[] {
  if (!Array.isArray(value)) throw new Malformed("bundle");
  return value.map(document);
}
