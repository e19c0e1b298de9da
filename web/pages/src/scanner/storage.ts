/**
 * What the scanner keeps on the phone: the lists, the latest time it has seen, its history, and what waits to be sent.
 *
 * Where the browser keeps nothing (private windows, a full disk) it works from memory until it is closed.
 */

import { type DBSchema, type IDBPDatabase, openDB } from "idb";

/** A bundle as it was downloaded. Whoever takes it out checks it again. */
export interface KeptBundle {
  readonly data: Uint8Array<ArrayBuffer>;
  readonly etag: string;
}

/** One scan as the phone remembers it. It holds no code: nobody can scan a paper again from a history. */
export interface Remembered {
  readonly at: number;
  readonly colour: string;
  readonly outcome: string;
  readonly title: Words;
  readonly type: Words | null;
  readonly compared: Words | null;
}

/** What is to be sent when there is a network, under an id by which it is recorded once. */
export interface Waiting {
  readonly id: string;
  readonly kind: "scan" | "report";
  /** Who made it. */
  readonly subject: string;
  readonly at: number;
  readonly body: object;
}

export interface Words {
  readonly vi: string;
  readonly en: string;
}

interface Schema extends DBSchema {
  kept: { key: string; value: unknown };
  history: { key: number; value: Remembered; indexes: { at: number } };
  outbox: { key: string; value: Waiting; indexes: { at: number } };
}

const VERSION = 1;
const NAME = "khoso-scanner";

/** The phone's storage, or a memory in its place. */
export class Storage {
  readonly #database: Promise<IDBPDatabase<Schema> | null>;
  readonly #memory = new Map<string, unknown>();

  constructor() {
    this.#database = openDB<Schema>(NAME, VERSION, { upgrade: make, blocking: (_, __, event) => close(event) }).catch(
      () => null,
    );
  }

  async get<Value>(key: string): Promise<Value | undefined> {
    const database = await this.#database;
    const value = await database?.get("kept", key).catch(() => undefined);
    return (value ?? this.#memory.get(key)) as Value | undefined;
  }

  async put(key: string, value: unknown): Promise<void> {
    this.#memory.set(key, value);
    await (await this.#database)?.put("kept", value, key).catch(() => undefined);
  }

  async listHistory(): Promise<Remembered[]> {
    return (await (await this.#database)?.getAllFromIndex("history", "at").catch(() => [])) ?? [];
  }

  async addToHistory(value: Remembered): Promise<void> {
    await (await this.#database)?.add("history", value).catch(() => undefined);
  }

  async clearHistory(): Promise<void> {
    await (await this.#database)?.clear("history").catch(() => undefined);
  }

  async listWaiting(): Promise<Waiting[]> {
    return (await (await this.#database)?.getAllFromIndex("outbox", "at").catch(() => [])) ?? [];
  }

  async keepWaiting(value: Waiting): Promise<void> {
    await (await this.#database)?.put("outbox", value).catch(() => undefined);
  }

  async dropWaiting(values: readonly Waiting[]): Promise<void> {
    const database = await this.#database;
    await Promise.all(values.map(({ id }) => database?.delete("outbox", id).catch(() => undefined)));
  }

  /** Forget what is older than `before`, and all but the newest `most`. */
  async trim(store: "history" | "outbox", before: number, most: number): Promise<void> {
    const transaction = (await this.#database)?.transaction(store, "readwrite");
    if (transaction === undefined) return;
    let left = (await transaction.store.count()) - most;
    for (let at = await transaction.store.index("at").openCursor(); at !== null; at = await at.continue()) {
      if (left-- <= 0 && at.value.at >= before) break;
      await at.delete();
    }
    await transaction.done;
  }
}

function make(database: IDBPDatabase<Schema>): void {
  database.createObjectStore("kept");
  database.createObjectStore("history", { autoIncrement: true }).createIndex("at", "at");
  database.createObjectStore("outbox", { keyPath: "id" }).createIndex("at", "at");
}

/** Let a newer version of this page change the storage. */
const close = (event: IDBVersionChangeEvent): void => (event.target as IDBDatabase).close();
