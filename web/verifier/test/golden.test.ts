import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Malformed, NotBelieved } from "../src/index.js";
import {
  documentNames,
  holding,
  judge,
  offer,
  readDocument,
  readKnowledge,
  readVector,
  vectorNames,
} from "./golden.js";

suite("every golden vector gets its verdict", () => {
  for (const name of vectorNames()) {
    test(name, async () => {
      const vector = readVector(name);
      const { outcome, step, reason } = await judge(vector, await readKnowledge(vector));
      assert.deepEqual({ outcome, step, reason }, vector.expect);
    });
  }
});

suite("every document is taken or refused as expected", () => {
  for (const name of documentNames()) {
    test(name, async () => {
      const vector = readDocument(name);
      const lists = await holding(vector);
      assert.equal(await refusalOf(offer(lists, vector.given)), vector.expect.refused);
    });
  }
});

test("there are vectors of both kinds", () => {
  assert.ok(vectorNames().length > 150 && documentNames().length > 50);
});

async function refusalOf(offered: Promise<void>): Promise<string | null> {
  try {
    await offered;
    return null;
  } catch (error) {
    if (error instanceof Malformed || error instanceof NotBelieved) return error.reason;
    throw error;
  }
}
