/**
 * A clock that cannot be set back unnoticed.
 *
 * A phone whose clock is set back keeps old lists fresh and ended papers in force. So the latest time ever seen is kept:
 * of signed lists, of the server's answers, of the phone's own clock. A time before it is not believed.
 */

/** As much as clocks may differ, in milliseconds; the same as in the verdict. */
export const SKEW_MS = 300_000;

const KEPT_EVERY_MS = 15_000;

/** The latest times seen, in milliseconds since 1970 UTC. */
export interface Mark {
  /** By a signature: nothing but a later one changes it. */
  readonly signed: number;
  /** By this phone's clock or the server's. The server's word corrects it, for a clock may have been ahead. */
  readonly told: number;
}

export const NOTHING_SEEN: Mark = { signed: 0, told: 0 };

export const sawSigned = (mark: Mark, ms: number): Mark => ({ ...mark, signed: Math.max(mark.signed, ms) });
export const sawOwn = (mark: Mark, ms: number): Mark => ({ ...mark, told: Math.max(mark.told, ms) });
export const heardServer = (mark: Mark, ms: number): Mark => ({ ...mark, told: ms });
export const isBehind = (mark: Mark, ms: number): boolean => ms < Math.max(mark.signed, mark.told) - SKEW_MS;

/** Where a mark is kept. */
export interface Keeper {
  get(key: string): Promise<Mark | undefined>;
  put(key: string, mark: Mark): Promise<void>;
}

const KEY = "clock";

/** The phone's clock, watched. */
export class Clock {
  readonly #keeper: Keeper;
  readonly #own: () => number;
  #mark = NOTHING_SEEN;
  #keptAt = Number.NEGATIVE_INFINITY;

  constructor(keeper: Keeper, own: () => number = () => Date.now()) {
    this.#keeper = keeper;
    this.#own = own;
  }

  async open(): Promise<void> {
    const kept = await this.#keeper.get(KEY);
    if (kept !== undefined) this.#mark = kept;
    this.look();
  }

  /** The time now, and whether it is to be believed. */
  look(): { readonly ms: number; readonly behind: boolean } {
    const ms = this.#own();
    const behind = isBehind(this.#mark, ms);
    if (!behind) this.#set(sawOwn(this.#mark, ms), ms - this.#keptAt > KEPT_EVERY_MS);
    return { ms, behind };
  }

  /** A signed list was made at that time. */
  sawSigned(ms: number): void {
    this.#set(sawSigned(this.#mark, ms), ms > this.#mark.signed);
  }

  /** The server says so, over a connection that nobody else can answer. */
  heardServer(ms: number): void {
    if (Number.isFinite(ms)) this.#set(heardServer(this.#mark, ms), true);
  }

  #set(mark: Mark, keep: boolean): void {
    this.#mark = mark;
    if (!keep) return;
    this.#keptAt = this.#own();
    void this.#keeper.put(KEY, mark);
  }
}
