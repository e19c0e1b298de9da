import assert from "node:assert/strict";
import { test } from "node:test";
import { madeVisible } from "../src/index.js";

test("what is seen stays", () => {
  for (const text of ["", "Nguyễn Thị Đặng", "43C-123.45", "a\u00A0b", "שלום", "😀", "x\u0301\u0323"]) {
    assert.equal(madeVisible(text), text);
  }
});

test("what is hidden is shown by a mark, but for layout", () => {
  const hidden = ["\0", "\x1B", "\u202E", "\u2066", "\u200D", "\u00AD", "\u{E0041}", "\u2028", "\uE000", "\u0378"];
  for (const character of [...hidden, "\uD800", "\u034F", "\u3164", "\u2800", "\uFE0F", "\u{E0100}"]) {
    assert.equal(madeVisible(`a${character}b`), "a\uFFFDb", character.codePointAt(0)?.toString(16));
  }
  assert.equal(madeVisible("{\n\t}"), "{\n\t}");
});
