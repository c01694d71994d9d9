import assert from "node:assert/strict";
import { test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import { S3Error } from "minio";
import { fromStore } from "./s3-error.ts";

const said = (code: string) => Object.assign(new S3Error("as the store puts it"), { code });
const lost = (code: string) => Object.assign(new Error("connection"), { code });

for (const [reason, id] of [
  [said("AccessDenied"), "BLOB_STORE_REFUSED"],
  [said("SignatureDoesNotMatch"), "BLOB_STORE_REFUSED"],
  [said("InvalidAccessKeyId"), "BLOB_STORE_REFUSED"],
  [said("AuthorizationHeaderMalformed"), "BLOB_STORE_REFUSED"],
  [said("RequestTimeTooSkewed"), "BLOB_STORE_REFUSED"],
  [said("NoSuchBucket"), "BLOB_STORE_REFUSED"],
  [said("XMinioStorageFull"), "DISK_FULL"],
  [said("XMinioAdminBucketQuotaExceeded"), "DISK_FULL"],
  [said("XMinioParentIsObject"), "BLOB_KEY_INVALID"],
  [said("SlowDown"), "BLOB_UNAVAILABLE"],
  [new Error("Request failed after 0 retries: Error: Retryable HTTP status: 503"), "BLOB_UNAVAILABLE"],
  [lost("ECONNREFUSED"), "BLOB_UNAVAILABLE"],
  [lost("ECONNRESET"), "BLOB_UNAVAILABLE"],
  [lost("DEPTH_ZERO_SELF_SIGNED_CERT"), "BLOB_STORE_REFUSED"],
  [lost("UNABLE_TO_VERIFY_LEAF_SIGNATURE"), "BLOB_STORE_REFUSED"],
  [lost("EPROTO"), "BLOB_STORE_REFUSED"],
  [said(""), "BLOB_STORE_REFUSED"],
  [said("NotImplemented"), "INTERNAL"],
  [new TypeError("a fault of ours"), "INTERNAL"],
] as const)
  test(`${"code" in reason ? JSON.stringify(reason.code) : reason.message} is ${id}`, () => {
    const error = fromStore(reason, "reading x", "films");
    assert.equal(error.id, id);
    assert.match(error.message, /^bucket films, reading x: /);
    assert.equal(error.cause, reason);
  });

test("what the store refuses says what to do", () => {
  const error = fromStore(said("RequestTimeTooSkewed"), "reading x", "films");
  assert.match(error.help, /clock/);
});

test("our own errors stay themselves", () => {
  const own = new HeimdexError("BLOB_NOT_FOUND", "none");
  assert.equal(fromStore(own, "reading x", "films"), own);
});
