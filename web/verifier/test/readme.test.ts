import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mock, test } from "node:test";
import * as cbor from "../src/cbor.js";
import { fromBase64Url, readDocument, readRoots, readVector } from "./golden.js";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

test("the example of the README says what it should", async () => {
  const [trust, types, status] = ["trust", "types", "status"].map((kind) => readDocument(`document-${kind}-good`));
  assert.ok(trust && types && status);
  const [root] = (await readRoots(trust)).values();
  const [trustList, typeList, token] = [trust, types, status].map(({ given }) => fromBase64Url(given.data));
  assert.ok(root && trustList && typeList && token);
  const downloaded = cbor.dumps(
    new Map<bigint, cbor.Value>([
      [1n, trustList],
      [2n, typeList],
      [3n, [token]],
      [4n, []],
    ]),
  );
  const { code, now } = readVector("good-paper");
  const said = await run({ rootKey: root.der, downloaded, scanned: code }, now);
  assert.deepEqual(said, ["green", "Còn hiệu lực", "In force", 11, "all_checks_passed"]);
});

async function run(given: Readonly<Record<string, unknown>>, now: number): Promise<unknown[]> {
  const [, example = ""] = /```js\n(.*?)```/s.exec(readme) ?? [];
  const source = example.replace("@khoso/verifier", new URL("../src/index.js", import.meta.url).href);
  Object.assign(globalThis, given);
  mock.timers.enable({ apis: ["Date"], now: now * 1_000 });
  const log = mock.method(console, "log", () => {});
  await import(`data:text/javascript,${encodeURIComponent(source)}`);
  mock.reset();
  return log.mock.calls[0]?.arguments ?? [];
}
