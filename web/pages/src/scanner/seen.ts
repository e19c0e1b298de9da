/** Which of the codes before the camera are new: one that stays in view is announced once. */

const FORGOTTEN_MS = 5_000;
const MOST = 50;

export class Seen {
  readonly #last = new Map<string, number>();

  /** Whether the code was not in view a moment ago. `now` is in milliseconds of any clock that only goes forward. */
  isNew(code: string, now: number): boolean {
    const last = this.#last.get(code);
    this.#last.delete(code); // and put it last, so that the oldest come first
    this.#last.set(code, now);
    for (const [oldest] of this.#last) {
      if (this.#last.size <= MOST) break;
      this.#last.delete(oldest);
    }
    return last === undefined || now - last > FORGOTTEN_MS;
  }

  /** Announce whatever comes next, also what was seen just now. */
  forget(): void {
    this.#last.clear();
  }
}

/**
 * The one code to judge of those in a picture; null for none or for several.
 *
 * A paper may bear other codes, for a payment say: beside exactly one of the city's they do not count.
 */
export function choose(codes: readonly string[], origin: string): string | null {
  const different = [...new Set(codes)];
  const official = different.filter((code) => code.startsWith(`${origin}/v#`));
  const candidates = official.length > 0 ? official : different;
  return candidates.length === 1 ? (candidates[0] ?? null) : null;
}
