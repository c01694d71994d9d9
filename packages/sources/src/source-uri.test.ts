import assert from "node:assert/strict";
import { test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import { parseSource, sourceName, uploadUri } from "./index.ts";

const SHA256 = "0".repeat(64);

for (const [uri, canonical, name] of [
  ["file:///films/a%20b.mp4", "file:///films/a%20b.mp4", "a b.mp4"],
  ["file://localhost/films/x/../a.mp4", "file:///films/a.mp4", "a.mp4"],
  ["HTTPS://Films.Example:443/a%20b.mp4?x=1", "https://films.example/a%20b.mp4?x=1", "a b.mp4"],
  ["https://films.example", "https://films.example/", "films.example"],
  ["https://films.example/%ff.mp4", "https://films.example/%ff.mp4", "%ff.mp4"],
  ["s3://rushes/day 1/a%20b?#ü.mp4", "s3://rushes/day 1/a%20b?#ü.mp4", "a%20b?#ü.mp4"],
  [`heimdex://uploads/${SHA256}/9/a%20b.mp4`, `heimdex://uploads/${SHA256}/9/a%20b.mp4`, "a b.mp4"],
] as const) {
  test(`the source ${uri}`, () => assert.deepEqual([parseSource(uri).uri, sourceName(uri)], [canonical, name]));
}

test("an upload's name may hold anything", () => {
  const name = "b?#ü %.mp4";
  assert.equal(sourceName(uploadUri(SHA256, 9, name)), name);
});

test("no name leads elsewhere, should a file be called by it", () => {
  for (const [uri, name] of [
    [uploadUri(SHA256, 9, "../../etc/passwd"), "passwd"],
    [uploadUri(SHA256, 9, "..\\..\\a.mp4"), "a.mp4"],
    [uploadUri(SHA256, 9, ".."), "upload"],
    ["https://films.example/x/..%2F..%2Fa.mp4", "a.mp4"],
    ["https://films.example/%2E%2E%2F", "films.example"],
    ["s3://rushes/a/..", "rushes"],
  ] as const)
    assert.equal(sourceName(uri), name, uri);
});

for (const uri of [
  "",
  "a.mp4",
  "ftp://films.example/a.mp4",
  "file://server/a.mp4",
  "file:///",
  "file:///a%00.mp4",
  "https://",
  "https://me@films.example/a.mp4",
  "https://films.example/a.mp4#t=1",
  "s3://",
  "s3://a/b",
  "s3://bucket\n/b",
  "heimdex://uploads/1/2/a.mp4",
  `heimdex://uploads/${SHA256}/9/%ff`,
  `heimdex://uploads/${SHA256}/9/a/b`,
  `https://films.example/${"a".repeat(20_000)}`,
]) {
  test(`no source: ${JSON.stringify(uri).slice(0, 60)}`, () =>
    assert.throws(
      () => parseSource(uri),
      (reason: unknown) => reason instanceof HeimdexError && reason.id === "SOURCE_UNSUPPORTED",
    ));
}
