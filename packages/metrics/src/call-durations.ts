import type { Metrics } from "@heimdex/telemetry";
import {
  type CallContext,
  ServerError,
  type ServerMiddleware,
  type ServerMiddlewareCall,
  Status,
} from "nice-grpc-common";

/** Measures gRPC calls: `rpc_server_call_duration_seconds` in s, by method and status. Goes before what turns errors into statuses. */
export function callDurations(metrics: Metrics): ServerMiddleware {
  const duration = metrics.meter.createHistogram("rpc_server_call_duration_seconds", {
    description: "How long gRPC calls took; those of workers wait for work, up to 20 s",
  });
  return async function* measured<Request, Response>(
    call: ServerMiddlewareCall<Request, Response>,
    context: CallContext,
  ): AsyncGenerator<Response, Response | undefined, undefined> {
    const startMs = performance.now();
    let status: Status = Status.OK;
    try {
      return (yield* call.next(call.request, context)) as Response | undefined;
    } catch (reason) {
      status = reason instanceof ServerError ? reason.code : Status.UNKNOWN;
      throw reason;
    } finally {
      duration.record((performance.now() - startMs) / 1_000, {
        "rpc.method": call.method.path.slice(1),
        "rpc.response.status_code": Status[status],
      });
    }
  };
}
