/** What this browser knows of the city: the root keys that the page brings, and the lists that they vouch for. */

import { bundle, keysByKid, Lists, present, readPublicKey, type VerdictView, verify } from "@khoso/verifier";
import { found } from "./screen.js";

const TIMEOUT_MS = 10_000;
const KEPT_MS = 300_000;

/** Without the server's word an answer is amber at best, however fresh the lists are. */
const NEVER_GREEN = { green: Number.NEGATIVE_INFINITY, amber: 86_400 };

/** Judges by itself, as far as its lists go. */
export class City {
  readonly #origin: string;
  readonly #lists: Promise<Lists>;
  #fetched: Promise<void> = Promise.resolve();
  #fetchedAt = Number.NEGATIVE_INFINITY;

  constructor(origin: string, roots: readonly Uint8Array<ArrayBuffer>[]) {
    this.#origin = origin;
    this.#lists = Promise.all(roots.map(readPublicKey)).then((keys) => new Lists(origin, keysByKid(...keys)));
    this.#lists.catch(() => {}); // outside a secure context there is no WebCrypto; whoever asks for the lists is told
  }

  /** Fetch the lists unless that was done a short while ago. What cannot be had or believed leaves those held. */
  refresh(): Promise<void> {
    if (performance.now() - this.#fetchedAt > KEPT_MS) {
      this.#fetchedAt = performance.now();
      this.#fetched = this.#fetch().catch(() => {
        this.#fetchedAt = Number.NEGATIVE_INFINITY;
      });
    }
    return this.#fetched;
  }

  /** The verdict by the lists held; null as long as there are none. */
  async judge(code: string): Promise<VerdictView | null> {
    const lists = await this.#lists;
    if (lists.trust.expiresAt === 0) return null;
    const now = Math.floor(Date.now() / 1_000);
    const verdict = await verify(code, this.#origin, lists.trust, lists.types, lists, now, NEVER_GREEN);
    return present(verdict, lists, now);
  }

  async #fetch(): Promise<void> {
    const response = await fetch("/lists/bundle", { credentials: "omit", signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok) throw new Error(`lists: ${response.status}`);
    const data = new Uint8Array(await response.arrayBuffer());
    await (await this.#lists).take(bundle.decode(data));
  }
}

/** The city of this page. */
export const openCity = (): City => new City(location.origin, pinnedRoots());

/** The root keys that this page brings, each as DER SubjectPublicKeyInfo. */
export function pinnedRoots(): readonly Uint8Array<ArrayBuffer>[] {
  const roots = found(document, "meta[name=khoso-roots]").getAttribute("content") ?? "";
  return roots.split(" ").filter(Boolean).map(fromBase64);
}

const fromBase64 = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0));
