import assert from "node:assert/strict";
import { test } from "node:test";
import { ErrorInfo } from "@heimdex/contracts/google/rpc/error_details";
import { Status } from "@heimdex/contracts/google/rpc/status";
import fc from "fast-check";
import { HeimdexError } from "./heimdex-error.ts";
import { ERRORS, type ErrorId, GRPC_CODE } from "./registry.ts";
import { decodeStatus, encodeStatus, toStatus } from "./wire.ts";

const ids = Object.keys(ERRORS) as ErrorId[];
/** `help` is the one key that the wire keeps for itself. */
const metadata = fc.dictionary(
  fc.string().filter((key) => key !== "help" && key !== "__proto__"),
  fc.string(),
  { noNullPrototype: true },
);
const errors = fc
  .record({
    id: fc.constantFrom(...ids),
    message: fc.string(),
    help: fc.string(),
    metadata,
    fields: fc.array(fc.record({ field: fc.string(), description: fc.string() }, { noNullPrototype: true })),
    retryAfterMs: fc.option(fc.nat({ max: 86_400_000 }), { nil: undefined }),
  })
  .map(
    ({ id, message, retryAfterMs, ...rest }) =>
      new HeimdexError(id, message, { ...rest, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }),
  );

test("over the wire and back every id is the same error with every detail", () => {
  for (const id of ids) assert.equal(decodeStatus(encodeStatus(new HeimdexError(id, "why")))?.id, id);
  fc.assert(
    fc.property(errors, (error) => assert.deepEqual(decodeStatus(encodeStatus(error))?.toJSON(), error.toJSON())),
  );
});

test("what is long is cut, so that it fits into the headers it travels in", () => {
  const fields = Array.from({ length: 5_000 }, (_, at) => ({ field: `f${at}`, description: "d".repeat(5_000) }));
  const back = decodeStatus(encodeStatus(new HeimdexError("STAGE_INVALID", "m".repeat(100_000), { fields })));
  assert.deepEqual([back?.message.length, back?.fields.length], [1_503, 24]);
  assert.equal(back?.fields[0]?.description.length, 303);
});

test("a pause is never a whole second of nanoseconds", () => {
  for (const retryAfterMs of [0, 0.5, 999.999_999_9, 1000, 1500]) {
    const { details } = toStatus(new HeimdexError("UNAVAILABLE", "later", { retryAfterMs }));
    assert.equal(details.length, 2, "ErrorInfo and RetryInfo");
    const back = decodeStatus(encodeStatus(new HeimdexError("UNAVAILABLE", "later", { retryAfterMs })));
    assert.ok(Math.abs((back?.retryAfterMs ?? -1) - retryAfterMs) < 1e-6, String(back?.retryAfterMs));
  }
});

test("the status has the code of the id and exactly one ErrorInfo of our domain", () => {
  const { code, details } = toStatus(new HeimdexError("ASSET_NOT_FOUND", "there is no asset a_1"));
  assert.equal(code, GRPC_CODE.NOT_FOUND);
  assert.deepEqual(
    details.map(({ typeUrl }) => typeUrl),
    ["type.googleapis.com/google.rpc.ErrorInfo"],
  );
  const { reason, domain, metadata } = ErrorInfo.decode(details[0]?.value as Buffer);
  assert.deepEqual([reason, domain, metadata.help], ["ASSET_NOT_FOUND", "heimdex.dev", ERRORS.ASSET_NOT_FOUND.help]);
});

test("an id of another version is INTERNAL and stands before the message", () => {
  for (const reason of ["FROM_THE_FUTURE", "toString"]) {
    const info = Buffer.from(ErrorInfo.encode({ reason, domain: "heimdex.dev", metadata: {} }).finish());
    const details = [{ typeUrl: "type.googleapis.com/google.rpc.ErrorInfo", value: info }];
    const error = decodeStatus(Status.encode({ code: 5, message: "gone", details }).finish());
    assert.deepEqual([error?.id, error?.message, error?.help], ["INTERNAL", `${reason}: gone`, ERRORS.INTERNAL.help]);
  }
});

test("what is not ours is nothing: another domain, no details, no message at all", () => {
  const info = Buffer.from(ErrorInfo.encode({ reason: "X", domain: "example.org", metadata: {} }).finish());
  const details = [{ typeUrl: "type.googleapis.com/google.rpc.ErrorInfo", value: info }];
  assert.equal(decodeStatus(Status.encode({ code: 5, message: "", details }).finish()), undefined);
  assert.equal(decodeStatus(Status.encode({ code: 5, message: "", details: [] }).finish()), undefined);
  assert.equal(decodeStatus(new Uint8Array()), undefined);
  assert.equal(decodeStatus(Buffer.from("<html>502 Bad Gateway</html>")), undefined);
  const broken = [{ typeUrl: "type.googleapis.com/google.rpc.ErrorInfo", value: Buffer.from([0xff, 0xff]) }];
  assert.equal(decodeStatus(Status.encode({ code: 5, message: "", details: broken }).finish()), undefined);
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void decodeStatus(bytes)));
});
