import assert from "node:assert/strict";
import { test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import { resolveS3Options, type S3Options } from "./options.ts";

const options: S3Options = { endpoint: "http://minio:9000", bucket: "films", accessKey: "a", secretKey: "s" };

test("what is not given has its default", () => {
  const resolved = resolveS3Options(options);
  assert.deepEqual(
    [resolved.publicEndpoint.href, resolved.region, resolved.silenceMs],
    ["http://minio:9000/", "us-east-1", 30_000],
  );
});

for (const [field, value] of [
  ["endpoint", "minio:9000"],
  ["endpoint", "ftp://minio"],
  ["endpoint", "http://minio:9000/films"],
  ["endpoint", "http://key:secret@minio:9000"],
  ["publicEndpoint", ""],
  ["bucket", "Films"],
  ["bucket", "../x"],
  ["accessKey", ""],
  ["secretKey", ""],
] as const)
  test(`${field} ${JSON.stringify(value)} is refused by name, and no secret is told`, () => {
    assert.throws(
      () => resolveS3Options({ ...options, secretKey: "do-not-tell", [field]: value }),
      (error: unknown) =>
        error instanceof HeimdexError &&
        error.id === "CONFIG_INVALID" &&
        error.fields[0]?.field === field &&
        !error.message.includes("do-not-tell") &&
        !error.message.includes("secret@"),
    );
  });
