/** Asks the server, which has the record and the newest status. The one request that carries a code. */

import type { VerdictView } from "@khoso/verifier";

const TIMEOUT_MS = 10_000;
const COLOURS: readonly string[] = ["green", "amber", "red", "grey"];

/** Why there is no answer; each has its template in the page. */
export type Silence = "no_network" | "service_away" | "too_many_attempts";

/** Who asks: nobody in particular, unless told otherwise. */
export interface Asker {
  readonly credentials: RequestCredentials;
  readonly headers: Readonly<Record<string, string>>;
}

const NOBODY: Asker = { credentials: "omit", headers: {} };

/** What the server says of a code, or of a typed look-up code. */
export async function ask(
  code: string,
  kind: "code" | "lookup_code" = "code",
  asker = NOBODY,
): Promise<VerdictView | Silence> {
  let response: Response;
  try {
    response = await fetch("/api/v1/verify", {
      method: "POST",
      headers: { ...asker.headers, "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ [kind]: code }),
      credentials: asker.credentials,
      cache: "no-store",
      redirect: "error",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    return "no_network";
  }
  if (!response.ok) return response.status === 429 ? "too_many_attempts" : "service_away";
  try {
    const answer: unknown = await response.json();
    return isVerdict(answer) ? answer : "service_away";
  } catch {
    return "service_away";
  }
}

/** Whether it looks like a verdict: a portal's page, or half an answer, is never shown as one. */
const isVerdict = (answer: unknown): answer is VerdictView =>
  COLOURS.includes((answer as VerdictView).colour) && typeof (answer as VerdictView).title.vi === "string";
