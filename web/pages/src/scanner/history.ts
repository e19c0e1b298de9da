/** What was scanned on this phone: the newest first, for a week, without any code, and cleared at a touch. */

import type { VerdictView } from "@khoso/verifier";
import { copyOf, fill, found } from "../screen.js";
import type { Storage } from "./storage.js";

const KEPT_MS = 7 * 86_400_000;
const MOST = 200;
const SHOWN = 50;

export class History {
  readonly #storage: Storage;
  readonly #list = found(document, "#history ol");

  constructor(storage: Storage) {
    this.#storage = storage;
    found(document, "#history button").addEventListener("click", () => this.#clear());
  }

  async add(view: VerdictView): Promise<void> {
    await this.#storage.addToHistory({
      at: Date.now(),
      colour: view.colour,
      outcome: view.outcome,
      title: view.title,
      type: view.paper?.type?.name ?? null,
      compared: view.paper?.comparison?.shown ?? null,
    });
    await this.show();
  }

  /** Forget what is too old, and show the rest. */
  async show(): Promise<void> {
    await this.#storage.trim("history", Date.now() - KEPT_MS, MOST);
    const newest = (await this.#storage.listHistory()).reverse().slice(0, SHOWN);
    this.#list.replaceChildren(
      ...newest.map((one) => {
        const item = copyOf("remembered");
        found(item, "li").dataset["colour"] = one.colour;
        fill(item, { ...one, at: new Date(one.at).toISOString() });
        return item;
      }),
    );
    found(document, "#history").hidden = newest.length === 0;
  }

  async #clear(): Promise<void> {
    await this.#storage.clearHistory();
    await this.show();
  }
}
