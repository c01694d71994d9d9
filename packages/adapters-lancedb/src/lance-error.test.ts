import assert from "node:assert/strict";
import { test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import { lanceError } from "./lance-error.ts";

test("a full disk is told by LanceDB's text", () => {
  // As 0.39 put it when a small tmpfs was full.
  const reason = new Error(
    "Failed to execute merge insert: GenericFailure, lance error: LanceError(IO): No space left on device (os error 28), lance-file-12.0.0/src/writer/structural.rs:255:9",
  );
  assert.equal(lanceError(reason, "writing").id, "DISK_FULL");
});

test("all else is INDEX_UNAVAILABLE, the first line of the reason told and the cause kept", () => {
  const reason = new Error("Table not found\nand much more");
  const error = lanceError(reason, "searching");
  assert.equal(error.id, "INDEX_UNAVAILABLE");
  assert.match(error.message, /searching: Table not found$/);
  assert.equal(error.cause, reason);
});

/** As 0.39 puts the answer of a store, cut. */
const s3 = (inner: string) =>
  new Error(
    `Invalid input, Failed to connect to namespace: IO { source: Generic { store: "S3", source: ListRequest { source: RetryError(RetryErrorImpl { method: GET, retries: 3, inner: ${inner}`,
  );
const answer = (status: number, code: string) =>
  s3(
    `Status { status: ${status}, body: Some("<?xml version=\\"1.0\\" encoding=\\"UTF-8\\"?>\\n<Error><Code>${code}</Code><Message>As the store says.</Message></Error>") }`,
  );

for (const [reason, id, message, help] of [
  [
    answer(403, "SignatureDoesNotMatch"),
    "INDEX_UNAVAILABLE",
    /: SignatureDoesNotMatch: As the store says\.$/,
    /settings/,
  ],
  [answer(404, "NoSuchBucket"), "INDEX_UNAVAILABLE", /: NoSuchBucket: /, /settings/],
  [answer(507, "XMinioStorageFull"), "DISK_FULL", /could not be written/, /Free some space/],
  [
    s3(
      'Http(HttpError { kind: Connect, source: reqwest::Error { kind: Request, source: ConnectError("tcp connect error")',
    ),
    "INDEX_UNAVAILABLE",
    /Failed to connect/,
    /Look after the S3 store/,
  ],
  [answer(500, "InternalError"), "INDEX_UNAVAILABLE", /: InternalError: /, /reindex/],
] as const)
  test(`of an S3 store: ${message.source} says what helps`, () => {
    const error = lanceError(reason, "searching");
    assert.equal(error.id, id);
    assert.match(error.message, message);
    assert.match(error.help, help);
  });

test("our own errors stay themselves", () => {
  const own = new HeimdexError("INVALID_ARGUMENT", "no");
  assert.equal(lanceError(own, "writing"), own);
});
