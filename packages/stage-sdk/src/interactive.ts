import { createHash } from "node:crypto";
import type { Finish, Lease } from "@heimdex/contracts/stage/v1/work_service";
import { failedOf } from "./failed.ts";
import { StageFailure } from "./failure.ts";
import type { AnyStage } from "./stage.ts";

/** Port of a request's bytes and of the answer's in the interactive lane. */
export const REQUEST_PORT = "request";
export const RESPONSE_PORT = "response";

/** Answers one interactive request: bytes in on port `request`, bytes out on port `response`, both inline. Never rejects. */
export async function answerInteractive(stage: AnyStage | undefined, lease: Lease, stop: AbortSignal): Promise<Finish> {
  const begun = performance.now();
  const done = (outcome: Finish["outcome"]): Finish => ({
    lease: lease.lease,
    epoch: lease.epoch,
    outcome,
    wallMs: Math.round(performance.now() - begun),
    cpuMs: 0,
    spans: [],
  });
  try {
    const request = lease.inputs.find(({ port }) => port === REQUEST_PORT)?.content;
    if (stage?.interactive === undefined || request?.$case !== "inline")
      throw new StageFailure("TERMINAL", "NOT_INTERACTIVE", `${lease.stage} cannot answer this request.`, {
        help: "Report it: the server sent what no stage of this worker takes.",
      });
    const signal =
      lease.attemptTimeoutMs === 0 ? stop : AbortSignal.any([stop, AbortSignal.timeout(lease.attemptTimeoutMs)]);
    const value = Buffer.from(await stage.interactive(request.value, signal));
    const response = {
      port: RESPONSE_PORT,
      mediaType: "application/octet-stream",
      sha256: createHash("sha256").update(value).digest("hex"),
      size: value.length,
      content: { $case: "inline", value },
      path: "",
      name: "",
    } as const;
    return done({ $case: "completed", value: { outputs: [response], partialReason: "" } });
  } catch (reason) {
    return done({ $case: "failed", value: failedOf(reason) });
  }
}
