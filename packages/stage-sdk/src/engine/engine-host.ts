import { EngineError } from "./engine-error.ts";
import type { FromEngine, ToEngine } from "./protocol.ts";

/** Answers one request. Requests come one at a time. */
export type EngineHandler<Request, Response> = (request: Request) => Promise<Response>;

/** Makes this process an engine: `start` once with what the service gave, then one answer per request.
 * Ends with the channel to the service, so that an engine never outlives it. */
export function hostEngine<Init, Request, Response>(
  start: (init: Init) => Promise<EngineHandler<Request, Response>>,
): void {
  let handler: EngineHandler<Request, Response> | undefined;
  let cpuBefore = process.cpuUsage();
  const answer = (reply: FromEngine) => process.send?.(reply);
  const cpuMs = () => {
    const used = process.cpuUsage(cpuBefore);
    cpuBefore = process.cpuUsage();
    return (used.user + used.system) / 1000;
  };

  process.on("disconnect", () => process.exit(0));
  process.on("message", async (message: ToEngine) => {
    const { id } = message;
    try {
      if (message.kind === "start") {
        handler = await start(message.payload as Init);
        answer({ id, ok: true, value: undefined, cpuMs: cpuMs() });
        return;
      }
      if (handler === undefined) throw new EngineError("ENGINE_NOT_STARTED", "A request came before the start.");
      answer({ id, ok: true, value: await handler(message.payload as Request), cpuMs: cpuMs() });
    } catch (error) {
      const code = error instanceof EngineError ? error.code : "ENGINE_FAILED";
      const text = error instanceof Error ? error.message : String(error);
      answer({ id, ok: false, code, message: text, cpuMs: cpuMs() });
    }
  });
}
