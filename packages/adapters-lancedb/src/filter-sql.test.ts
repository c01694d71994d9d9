import assert from "node:assert/strict";
import { test } from "node:test";
import { languageRanges, literal } from "./filter-sql.ts";

test("a literal doubles quotes and leaves all else as it is", () =>
  assert.equal(literal('it\'s a \\ "line"\n--'), "'it''s a \\ \"line\"\n--'"));

test("half a surrogate pair, which UTF-8 cannot hold, becomes U+FFFD", () =>
  assert.equal(literal("\ud83c"), "'\ufffd'"));

test("a tag matches itself and every range it starts with", () =>
  assert.deepEqual(languageRanges(["zh-Hant-TW", "zh", "en"]), ["zh", "zh-hant", "zh-hant-tw", "en"]));
