/**
 * Whether an inspector is signed in, and who. His checks are recorded under his name and shown to the holder; without, a
 * scan leaves nothing but this phone's own history.
 */

const ME = "/api/v1/me";
const SCOPE = "inspect";
const KEY = "inspector";
const TIMEOUT_MS = 10_000;

/** By this header the server knows that a page of ours asks, and counts the session's cookie. */
export const AS_INSPECTOR = { credentials: "same-origin", headers: { "khoso-session": "scanner" } } as const;

/** Who is signed in. */
export interface Inspector {
  readonly subject: string;
  readonly name: string | null;
}

/** `elsewhere`: as somebody who may not inspect here; `unknown`: there is no way to sign in, or nobody has asked yet. */
export type SignedIn = Inspector | "nobody" | "elsewhere" | "unknown";

/** Where it is kept who was signed in last: without a network nobody can be asked. */
export interface Keeper {
  get(key: string): Promise<Inspector | null | undefined>;
  put(key: string, inspector: Inspector | null): Promise<void>;
}

export class Session {
  readonly #keeper: Keeper;
  #who: SignedIn = "unknown";

  constructor(keeper: Keeper) {
    this.#keeper = keeper;
  }

  get who(): SignedIn {
    return this.#who;
  }

  get inspector(): Inspector | null {
    return typeof this.#who === "string" ? null : this.#who;
  }

  /** Who was signed in when this phone last had a network. */
  async open(): Promise<void> {
    this.#who = (await this.#keeper.get(KEY)) ?? "unknown";
  }

  /** Ask the server. Without an answer it stays as it was. */
  async refresh(): Promise<void> {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(ME, { ...AS_INSPECTOR, cache: "no-store", signal }).catch(() => null);
    if (response === null || response.status >= 500) return;
    const who = response.status === 401 ? "nobody" : response.ok ? inspectorOf(await json(response)) : "unknown";
    this.#who = who;
    await this.#keeper.put(KEY, this.inspector);
  }
}

const json = (response: Response): Promise<unknown> => response.json().catch(() => null);

function inspectorOf(me: unknown): SignedIn {
  const { subject, name, scopes } = (me ?? {}) as { subject?: unknown; name?: unknown; scopes?: unknown };
  if (typeof subject !== "string" || !Array.isArray(scopes)) return "nobody";
  if (!scopes.includes(SCOPE)) return "elsewhere";
  return { subject, name: typeof name === "string" ? name : null };
}
