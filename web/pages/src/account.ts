/**
 * The account page of somebody who is logged in: his passkeys, listed, added and removed.
 *
 * Where the server asks for a step-up first, the page says so, and goes on with what was asked when a passkey was shown.
 */

import { copyOf, fill, found } from "./screen.js";

const PASSKEYS = "/api/v1/me/passkeys";
const STEP_UP = "/api/v1/me/step-up";
const TIMEOUT_MS = 10_000;
const STEP_UP_REQUIRED = "step_up_required";

/** Why something was not done; most have their words in the page. */
class Refused extends Error {
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.reason = reason;
  }
}

/** What browsers call their refusals (WebAuthn Level 3, 5.1.3 and 5.1.4). */
const BY_BROWSER: Readonly<Record<string, string>> = {
  NotAllowedError: "cancelled",
  AbortError: "cancelled",
  InvalidStateError: "credential_taken",
  SecurityError: "unsupported",
};

interface Passkey {
  readonly passkey_id: string;
  readonly name: string;
  readonly created_at: string;
  readonly used_at: string | null;
}

type Act = () => Promise<void>;

const section = found(document, "#passkeys");
const heading = found(section, "h2");
const list = found(section, "ul");
const told = found(section, ".told");
const form = found(section, "form") as HTMLFormElement;
const confirmation = found(section, ".confirmation");
let waiting: Act = async () => {};
let busy = false;

/** Do it, one thing at a time, and say what became of it; `wanted` is what waits for a step-up, if one is asked for. */
async function attempt(act: Act, wanted = act): Promise<void> {
  if (busy) return;
  busy = true;
  told.replaceChildren();
  try {
    await act();
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === STEP_UP_REQUIRED) askFirst(wanted);
    else tell(reason);
  }
  busy = false;
}

function askFirst(wanted: Act): void {
  waiting = wanted;
  confirmation.hidden = false;
  found(confirmation, "button").focus();
}

async function confirm(): Promise<void> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(await ask("POST", `${STEP_UP}/options`));
  const credential = await navigator.credentials.get({ publicKey });
  await ask("POST", STEP_UP, { credential: jsonOf(credential) }).catch((error) => {
    throw error.reason === "not_permitted" ? new Refused("not_accepted") : error;
  });
  confirmation.hidden = true;
  await waiting();
}

async function add(): Promise<void> {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(await ask("POST", `${PASSKEYS}/options`));
  const credential = jsonOf(await navigator.credentials.create({ publicKey }));
  await ask("POST", PASSKEYS, { name: String(new FormData(form).get("name")), credential });
  form.reset();
  await show();
  tell("added");
}

async function remove(passkey: Passkey): Promise<void> {
  await ask("DELETE", `${PASSKEYS}/${passkey.passkey_id}`);
  await show();
  tell("removed");
  heading.focus(); // what had the focus is gone
}

async function show(): Promise<void> {
  const { items } = await ask<{ items: readonly Passkey[] }>("GET", PASSKEYS);
  list.replaceChildren(...(items.length === 0 ? [copyOf("no-passkeys")] : items.map(drawn)));
}

/** The list, and where a browser knows no passkeys nothing to do with it. */
async function open(): Promise<void> {
  const able = globalThis.PublicKeyCredential?.parseCreationOptionsFromJSON !== undefined;
  form.hidden = !able;
  await show();
  if (able) return;
  for (const removal of list.querySelectorAll("details")) removal.remove();
  throw new Refused("unsupported");
}

function drawn(passkey: Passkey): DocumentFragment {
  const item = copyOf("passkey");
  fill(item, passkey);
  found(item, "button").addEventListener("click", () => attempt(() => remove(passkey)));
  return item;
}

async function ask<Answer>(method: string, path: string, body?: object): Promise<Answer> {
  const headers = { "khoso-session": "account", "content-type": "application/json" };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(path, { method, headers, cache: "no-store", signal, ...sent }).catch(() => {
    throw new Refused("no_network");
  });
  const answer = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) throw new Refused(reasonIn(answer));
  return answer as Answer;
}

/** The code of problem details (RFC 9457), and of a wrong input which it is. */
function reasonIn(answer: unknown): string {
  const { code, problems } = (answer ?? {}) as { code?: string; problems?: readonly { field: string; code: string }[] };
  const [wrong] = problems ?? [];
  return wrong === undefined ? (code ?? "") : `${wrong.field}_${wrong.code}`;
}

function reasonOf(error: unknown): string {
  if (error instanceof Refused) return error.reason;
  return (error instanceof DOMException && BY_BROWSER[error.name]) || "failed";
}

function tell(reason: string): void {
  const known = document.getElementById(`passkeys-${reason}`) !== null;
  told.replaceChildren(copyOf(`passkeys-${known ? reason : "failed"}`));
}

const jsonOf = (credential: Credential | null): object => (credential as PublicKeyCredential).toJSON();

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void attempt(add);
});
found(confirmation, "[name=confirm]").addEventListener("click", () => attempt(confirm, waiting));
found(confirmation, "[name=cancel]").addEventListener("click", () => {
  confirmation.hidden = true;
  heading.focus();
});
void attempt(open);
