/* HEALTHCHECK of the images: asks the service of this container by grpc.health.v1, and ends with 0 when it serves. One call with one empty message is
 * put together here: a gRPC library takes ten times as long to load as the call takes, and every container asks again and again. */
import { readFileSync } from "node:fs";
import { connect } from "node:http2";

/** Where services answer; a worker listens for nothing else. */
const PORTS: Readonly<Record<string, number>> = { gateway: 8481, orchestrator: 8482 };
/** A gRPC message is led in by a byte (not compressed) and four for its length; a HealthCheckRequest for the whole server is empty. */
const REQUEST = Buffer.alloc(5);
/** HealthCheckResponse{status: SERVING}: field 1, a varint, 1. */
const SERVING = Buffer.from([0, 0, 0, 0, 2, 0x08, 0x01]);
const TIMEOUT_MS = 4_000;

const port = PORTS[process.env.HEIMDEX_SERVICE ?? ""] ?? 8484;
const certFile = process.env.HEIMDEX_TLS_CERT_FILE ?? "";
const isTls = port !== 8484 && certFile !== "";
// Within the container it is the service itself that answers; where clients need a certificate, it is shown its own.
const tls = isTls
  ? {
      cert: readFileSync(certFile),
      key: readFileSync(process.env.HEIMDEX_TLS_KEY_FILE ?? ""),
      rejectUnauthorized: false,
    }
  : {};
const session = connect(`${isTls ? "https" : "http"}://127.0.0.1:${port}`, tls);
const failed = (reason: unknown) => {
  console.error(reason instanceof Error ? reason.message : reason);
  process.exit(1);
};
session.on("error", failed);
setTimeout(() => failed(`no answer within ${TIMEOUT_MS} ms`), TIMEOUT_MS).unref();
const call = session.request({
  ":method": "POST",
  ":path": "/grpc.health.v1.Health/Check",
  "content-type": "application/grpc",
  te: "trailers",
});
const answer: Buffer[] = [];
call.on("error", failed);
call.on("data", (part: Buffer) => answer.push(part));
call.on("end", () => {
  if (!Buffer.concat(answer).equals(SERVING)) failed("NOT_SERVING");
  session.close();
});
call.end(REQUEST);
