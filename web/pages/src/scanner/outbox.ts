/**
 * What waits for a network: scans and reports of a signed-in inspector, each under an id of its own, so that whatever is
 * sent twice is recorded once. They are sent as the one who made them, or stay until he signs in again.
 */

import type { VerdictView } from "@khoso/verifier";
import { AS_INSPECTOR, type Session } from "./session.js";
import type { Storage, Waiting } from "./storage.js";

const LOCK = "khoso-outbox";
const KEPT_MS = 30 * 86_400_000;
const MOST = 1_000;
const BATCH = 100;
const TIMEOUT_MS = 30_000;
const REFUSED_FOR_GOOD: readonly number[] = [413, 422];

/** A report of a paper that does not match, but for who and when. */
export interface Report {
  readonly code: string;
  readonly finding: string;
  readonly note: string;
  readonly photo?: string;
}

export class Outbox {
  readonly #storage: Storage;
  readonly #session: Session;
  readonly #changed: (waiting: number) => void;

  /** `changed` hears how many things wait. */
  constructor(storage: Storage, session: Session, changed: (waiting: number) => void) {
    this.#storage = storage;
    this.#session = session;
    this.#changed = changed;
  }

  /** Keep a scan that the server has not heard of. Nobody's is not kept. */
  async keepScan(code: string, view: VerdictView): Promise<void> {
    if (view.paper === null) return; // of no paper there is no holder to tell
    const scan = { code, scanned_at: new Date().toISOString(), outcome: view.outcome, reason: view.reason };
    await this.#keep("scan", scan);
  }

  async keepReport(report: Report): Promise<void> {
    await this.#keep("report", report);
    if (navigator.onLine) await this.send();
  }

  /** Send what waits, if the one who made it is signed in. What is not answered waits on. */
  async send(): Promise<void> {
    await navigator.locks.request(LOCK, async () => {
      const mine = await this.#mine();
      const scans = mine.filter((one) => one.kind === "scan");
      for (let at = 0; at < scans.length; at += BATCH) await this.#sendScans(scans.slice(at, at + BATCH));
      for (const report of mine.filter((one) => one.kind === "report")) await this.#sendReport(report);
    });
    await this.tell();
  }

  async tell(): Promise<void> {
    this.#changed((await this.#mine()).length);
  }

  async #keep(kind: Waiting["kind"], body: object): Promise<void> {
    const { inspector } = this.#session;
    if (inspector === null) return;
    await this.#storage.keepWaiting({
      id: crypto.randomUUID(),
      kind,
      subject: inspector.subject,
      at: Date.now(),
      body,
    });
    await this.#storage.trim("outbox", Date.now() - KEPT_MS, MOST);
    await this.tell();
  }

  async #mine(): Promise<Waiting[]> {
    const { inspector } = this.#session;
    if (inspector === null) return [];
    return (await this.#storage.listWaiting()).filter(({ subject }) => subject === inspector.subject);
  }

  async #sendScans(scans: readonly Waiting[]): Promise<void> {
    const body = { scans: scans.map(({ id, body }) => ({ scan_id: id, ...body })) };
    const response = await post("/api/v1/scans", body);
    if (response === null) return;
    if (response.ok || REFUSED_FOR_GOOD.includes(response.status)) await this.#storage.dropWaiting(scans);
  }

  async #sendReport(report: Waiting): Promise<void> {
    const response = await post("/api/v1/reports", { report_id: report.id, ...report.body });
    if (response === null) return;
    if (response.ok || REFUSED_FOR_GOOD.includes(response.status)) await this.#storage.dropWaiting([report]);
  }
}

function post(path: string, body: object): Promise<Response | null> {
  const { credentials, headers } = AS_INSPECTOR;
  return fetch(path, {
    method: "POST",
    credentials,
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch(() => null);
}
