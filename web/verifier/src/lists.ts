/**
 * What a verifier has downloaded of a city, opened and checked: its trust, its result types, its status lists.
 *
 *     const lists = new Lists(origin, roots);
 *     await lists.take(bundle.decode(data));        // whenever newer ones are at hand
 *     const verdict = await verify(text, origin, lists.trust, lists.types, lists, now, OFFLINE);
 *
 * Only the roots are believed from the start. Everything else is believed if it is signed by whom it has to be, and is
 * never replaced by something older: a withdrawal that was seen once stays seen.
 */

import type { Bundle } from "./bundle.js";
import { type Bytes, equal, sha256, toHex } from "./bytes.js";
import type { StatusRef } from "./claims.js";
import { NotBelieved, type PublicKeys } from "./documents.js";
import * as honestSet from "./honest_set.js";
import type { TypeCatalogue } from "./result_type.js";
import { decompress, type StatusList } from "./status_list.js";
import { type StatusToken, unsealStatus } from "./status_token.js";
import { NOBODY, type Trust } from "./trust.js";
import { unsealTrust } from "./trust_list.js";
import { typesOf, unsealTypes } from "./type_list.js";
import type { StatusAnswer, StatusSource } from "./verdict.js";

interface Held {
  readonly token: StatusToken;
  readonly statuses: StatusList;
}

/** The lists of one city. Before any trust list was taken, a verifier answers "cannot tell". */
export class Lists implements StatusSource {
  readonly #origin: string;
  readonly #roots: PublicKeys;
  readonly #held = new Map<bigint, Held>();
  #typesVersion = -1n;
  #trust: Trust = NOBODY;
  #types: TypeCatalogue = new Map();

  /** `roots` are the city's root keys, which have to come by another way than the lists. */
  constructor(origin: string, roots: PublicKeys) {
    this.#origin = origin;
    this.#roots = roots;
  }

  get trust(): Trust {
    return this.#trust;
  }

  get types(): TypeCatalogue {
    return this.#types;
  }

  /** The status list tokens held. */
  get statusTokens(): readonly StatusToken[] {
    return Array.from(this.#held.values(), ({ token }) => token);
  }

  /**
   * Take over everything in a bundle; as far as it came, if one of its documents is refused.
   *
   * Throws Malformed, or NotBelieved for what another has signed, or what is older than what is held.
   */
  async take(bundle: Bundle): Promise<void> {
    await this.takeTrust(bundle.trust);
    for (const data of bundle.honestSets) await this.takeHonestSet(data);
    await this.takeTypes(bundle.types);
    for (const signed of bundle.statuses) await this.takeStatus(signed);
  }

  /** Take over a trust list; what else is held stays, such as the honest sets of before. */
  async takeTrust(signed: Bytes): Promise<void> {
    const trust = await unsealTrust(signed, this.#roots, this.#origin);
    if (trust.version < this.#trust.version) throw new NotBelieved("rolled_back");
    this.#trust = { ...trust, honestSets: this.#trust.honestSets };
  }

  /** Take over an honest set, if the trust list names it. */
  async takeHonestSet(data: Bytes): Promise<void> {
    const digest = await sha256(data);
    const named = [...this.#trust.keys.values()].some((key) => key.honestDigest && equal(key.honestDigest, digest));
    if (!named) return;
    const honestSets = new Map(this.#trust.honestSets).set(toHex(digest), honestSet.decode(data));
    this.#trust = { ...this.#trust, honestSets };
  }

  /** Take over a type list. */
  async takeTypes(signed: Bytes): Promise<void> {
    const listed = await unsealTypes(signed, this.#trust.publishers, this.#origin);
    if (listed.version < this.#typesVersion) throw new NotBelieved("rolled_back");
    this.#types = typesOf(listed);
    this.#typesVersion = listed.version;
  }

  /** Take over a status list token. */
  async takeStatus(signed: Bytes): Promise<void> {
    const token = await unsealStatus(signed, this.#trust.publishers, this.#origin);
    const held = this.#held.get(token.listId);
    if (held !== undefined && isOlder(token, held.token)) throw new NotBelieved("rolled_back");
    this.#held.set(token.listId, { token, statuses: decompress(token.compressed) });
  }

  /** The status by the newest token of its list; null without one, or outside of it. */
  findStatus(ref: StatusRef): StatusAnswer | null {
    const held = this.#held.get(ref.listId);
    const value = held?.statuses.find(ref.statusIndex) ?? null;
    if (held === undefined || value === null) return null;
    return { value, asOf: held.token.issuedAt, expiresAt: held.token.expiresAt };
  }
}

const isOlder = (token: StatusToken, held: StatusToken): boolean =>
  token.version < held.version || (token.version === held.version && token.issuedAt < held.issuedAt);
