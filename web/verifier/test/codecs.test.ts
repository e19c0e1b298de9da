import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, deflateSync } from "node:zlib";
import fc from "fast-check";
import * as cbor from "../src/cbor.js";
import * as digits from "../src/digits.js";
import { type Bytes, lookup, Malformed } from "../src/index.js";
import { inflate } from "../src/status_list.js";

const bytes = (maxLength: number, minLength = 0): fc.Arbitrary<Bytes> =>
  fc.uint8Array({ minLength, maxLength }).map((data) => new Uint8Array(data));

const integers = fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n });
const rank = (key: bigint): bigint => (key >= 0n ? key : (1n << 63n) - key);
const { value: values } = fc.letrec<{ value: cbor.Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    integers,
    fc.string({ unit: "grapheme" }),
    fc.boolean(),
    bytes(300),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.tuple(integers, tie("value")), { maxLength: 4 }).map(sortedMap),
  ),
}));

function sortedMap(pairs: readonly (readonly [bigint, cbor.Value])[]): cbor.CborMap {
  return new Map([...new Map(pairs)].sort(([one], [other]) => (rank(one) < rank(other) ? -1 : 1)));
}

const refuses = (read: () => unknown, reason?: string): boolean => {
  try {
    read();
    return false;
  } catch (error) {
    return error instanceof Malformed && (reason === undefined || error.reason === reason);
  }
};

test("the width of every length is exact", () => {
  for (let n = 1; n <= digits.MAX_BYTES; n++) {
    assert.equal(digits.width(n), String((1n << BigInt(8 * n)) - 1n).length);
  }
});

test("digits give back the bytes they were made of, and nothing of one digit more or less", () => {
  const encode = (data: Bytes) =>
    BigInt(`0x${Buffer.from(data).toString("hex")}`)
      .toString()
      .padStart(digits.width(data.length), "0");
  fc.assert(
    fc.property(bytes(digits.MAX_BYTES, 1), (data) => {
      const text = encode(data);
      assert.deepEqual(digits.decode(text), data);
      return refuses(() => digits.decode(`${text}0`)) && refuses(() => digits.decode(text.slice(1)));
    }),
  );
});

test("a value is read as it was written", () => {
  fc.assert(fc.property(values, (value) => assert.deepEqual(cbor.loads(cbor.dumps(value)), value)));
});

test("what is read has no other encoding", () => {
  fc.assert(
    fc.property(bytes(40), (data) => {
      if (refuses(() => cbor.loads(data))) return;
      assert.deepEqual(cbor.dumps(cbor.loads(data)), data);
    }),
    { numRuns: 20_000 },
  );
});

test("a value cut short or with a byte behind it is refused", () => {
  fc.assert(
    fc.property(values.map(cbor.dumps), fc.nat(), (data, cut) => {
      const longer = new Uint8Array([...data, 0]);
      return refuses(() => cbor.loads(data.slice(0, cut % data.length))) && refuses(() => cbor.loads(longer));
    }),
  );
});

test("text keys and free order are for other people's formats only", () => {
  const value = new Map<bigint | string, cbor.Value>([
    ["b", 1n],
    ["a", 2n],
    [5n, 3n],
    [1n, 4n],
  ]);
  const data = cbor.dumps(value);
  assert.deepEqual(cbor.parse(data), value);
  assert.ok(refuses(() => cbor.loads(data), "cbor_key_type"));
});

const compressed = fc
  .record({ data: bytes(3_000), level: fc.integer({ min: 0, max: 9 }), fixed: fc.boolean() })
  .map(({ data, level, fixed }) => {
    const strategy = fixed ? constants.Z_FIXED : constants.Z_DEFAULT_STRATEGY;
    return { data, container: new Uint8Array(deflateSync(data, { level, strategy })) };
  });

test("a zlib container is inflated up to its bound and not beyond", () => {
  fc.assert(
    fc.property(compressed, ({ data, container }) => {
      assert.deepEqual(inflate(container, data.length, "list"), data);
      return data.length === 0 || refuses(() => inflate(container, data.length - 1, "list"), "list_size");
    }),
  );
});

test("a container that is cut short or followed by anything is refused", () => {
  fc.assert(
    fc.property(compressed, fc.nat(), bytes(4, 1), ({ container }, cut, more) => {
      const longer = new Uint8Array([...container, ...more]);
      return (
        refuses(() => inflate(container.slice(0, cut % container.length), 5_000, "list"), "list_size") &&
        refuses(() => inflate(longer, 5_000, "list"), "list_size")
      );
    }),
  );
});

test("a changed bit is noticed", () => {
  fc.assert(
    fc.property(compressed, fc.nat(), fc.nat(7), ({ data, container }, at, bit) => {
      const changed = container.slice();
      changed[at % changed.length] = (changed[at % changed.length] ?? 0) ^ (1 << bit);
      if (refuses(() => inflate(changed, 5_000, "list"))) return;
      assert.deepEqual(inflate(changed, 5_000, "list"), data); // a bit that no decoder reads
    }),
  );
});

test("a typed code is read whatever its case, spaces and look-alike letters", () => {
  const read = { resultCode: "H17.05.12-261123-000123-KQ1", secret: "7K3M9" };
  for (const typed of ["H17.05.12-261123-000123-KQ1 7K3M97", " h17.05.12-261123-000123-kq(1)  7k3m97\t"]) {
    assert.deepEqual(lookup.parse(typed), read);
  }
});

test("one wrong character is a typing error, and other text no look-up code", () => {
  assert.ok(refuses(() => lookup.parse("H17.05.12-261123-000123-KQ1 7K3M98"), "lookup_check"));
  for (const typed of ["", "H17.05.12-261123-000123-KQ1", "7K3M97", "A".repeat(81)]) {
    assert.ok(refuses(() => lookup.parse(typed), "lookup_form"));
  }
});
