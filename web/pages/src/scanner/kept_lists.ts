/**
 * The city's lists as this phone keeps them: taken over only if signed and not older, stored, and fetched again.
 *
 * Tabs share the storage. Whoever fetches takes over first what another has stored meanwhile, so that no tab puts older
 * lists in the place of newer ones.
 */

import { bundle, keysByKid, Lists, Malformed, NotBelieved, readPublicKey } from "@khoso/verifier";
import type { KeptBundle } from "./storage.js";

const KEY = "bundle";
const LOCK = "khoso-lists";
const TIMEOUT_MS = 20_000;

/** How a refresh ended: newer lists, none newer, no answer, or an answer that was not believed. */
export type Refreshed = "newer" | "same" | "away" | "refused";

/** Where the bundle is stored. */
export interface Store {
  get(key: string): Promise<KeptBundle | undefined>;
  put(key: string, kept: KeptBundle): Promise<void>;
}

export class KeptLists {
  readonly lists: Lists;
  readonly #store: Store;
  readonly #heard: (server: Response) => void;
  #etag = "";

  private constructor(lists: Lists, store: Store, heard: (server: Response) => void) {
    this.lists = lists;
    this.#store = store;
    this.#heard = heard;
  }

  /** The lists that this phone holds. `heard` is told of every answer of the server. */
  static async open(
    origin: string,
    roots: readonly Uint8Array<ArrayBuffer>[],
    store: Store,
    heard: (server: Response) => void,
  ): Promise<KeptLists> {
    const keys = await Promise.all(roots.map(readPublicKey));
    const kept = new KeptLists(new Lists(origin, keysByKid(...keys)), store, heard);
    await kept.reload();
    return kept;
  }

  /** Whether there is anything to judge by. */
  get any(): boolean {
    return this.lists.trust.expiresAt > 0;
  }

  /** When the oldest of the status lists was signed, in seconds since 1970; null without any. */
  get asOf(): number | null {
    const times = this.lists.statusTokens.map((token) => token.issuedAt);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** The latest time that any signature vouches for, in seconds since 1970. */
  get latest(): number {
    return Math.max(this.lists.trust.issuedAt, ...this.lists.statusTokens.map((token) => token.issuedAt));
  }

  /** Take over what is stored, unless it is held already. What is damaged or not believed is as if it were not there. */
  async reload(): Promise<void> {
    const stored = await this.#store.get(KEY);
    if (stored === undefined || stored.etag === this.#etag) return;
    try {
      await this.lists.take(bundle.decode(stored.data));
      this.#etag = stored.etag;
    } catch (error) {
      if (!(error instanceof Malformed || error instanceof NotBelieved)) throw error;
    }
  }

  /** Ask for newer lists. */
  refresh(): Promise<Refreshed> {
    return navigator.locks.request(LOCK, async () => {
      await this.reload();
      const response = await this.#fetch();
      if (response === null) return "away";
      this.#heard(response);
      return response.status === 304 ? "same" : await this.#take(response);
    });
  }

  async #fetch(): Promise<Response | null> {
    const headers: HeadersInit = this.#etag === "" ? {} : { "if-none-match": this.#etag };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    try {
      const response = await fetch("/lists/bundle", { cache: "no-store", credentials: "omit", headers, signal });
      return response.ok || response.status === 304 ? response : null;
    } catch {
      return null;
    }
  }

  async #take(response: Response): Promise<Refreshed> {
    const data = await response.arrayBuffer().catch(() => null);
    if (data === null) return "away";
    performance.mark("lists");
    const kept = { data: new Uint8Array(data), etag: response.headers.get("etag") ?? "" };
    try {
      await this.lists.take(bundle.decode(kept.data));
    } catch (error) {
      if (error instanceof Malformed || error instanceof NotBelieved) return "refused";
      throw error;
    }
    performance.mark("believed");
    this.#etag = kept.etag;
    await this.#store.put(KEY, kept);
    return "newer";
  }
}
