import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { HeimdexError } from "@heimdex/errors";
import type { Log } from "@heimdex/telemetry";
import { autoscale, type PoolOutcome } from "./autoscale.ts";
import type { AutoscalerConfig } from "./config.ts";

export interface AutoscalerServer extends AsyncDisposable {
  readonly port: number;
}

/** Answers POST / with a round of scaling: 200 when every pool is as it should be, 500 when one is not; Cloud Scheduler tells of the latter. Who may call
 * is Cloud Run's to check: it lets in the scheduler's service account alone. Disposing it waits for a round under way. */
export async function startServer(config: AutoscalerConfig, log: Log): Promise<AutoscalerServer> {
  const server = createServer((request, response) => {
    if (request.method !== "POST" || request.url !== "/") return answer(response, 404, { error: "POST / is meant" });
    round(request, response, config, log).catch((reason: unknown) => {
      const error = HeimdexError.from(reason);
      log.error({ err: reason, error: error.id, help: error.help }, error.message);
      answer(response, 500, { error });
    });
  });
  server.listen(config.port);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeIdleConnections();
      await once(server, "close");
    },
  };
}

async function round(
  request: IncomingMessage,
  response: ServerResponse,
  config: AutoscalerConfig,
  log: Log,
): Promise<void> {
  request.resume(); // Cloud Scheduler may send a body, which says nothing
  const pools = await autoscale(config, Date.now());
  for (const outcome of pools) tell(outcome, log);
  answer(response, pools.some((outcome) => "error" in outcome) ? 500 : 200, { pools });
}

function tell(outcome: PoolOutcome, log: Log): void {
  const { pool } = outcome;
  if ("error" in outcome) {
    log.error({ pool, error: outcome.error.id, help: outcome.error.help }, outcome.error.message);
    return;
  }
  const { before, instances, reason } = outcome;
  if (before === instances) log.debug({ pool, instances }, reason);
  else log.info({ pool, before, instances }, `from ${before} to ${instances} instances: ${reason}`);
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
