import { type Caller, type Gate, LOCAL_CALLER } from "@heimdex/access";
import type { CallContext, ServerMiddleware, ServerMiddlewareCall } from "nice-grpc-common";
import { checkReach, levelOf } from "./access.ts";
import type { RateLimit } from "./rate-limit.ts";

/** What it adds to a call's context. */
export interface WithCaller {
  readonly caller: Caller;
}

/** Lets through calls by those who may make them, and says who they are. */
export function accessMiddleware(gate: Gate, limit: RateLimit): ServerMiddleware<WithCaller> {
  return async function* access<Request, Response>(
    call: ServerMiddlewareCall<Request, Response, WithCaller>,
    context: CallContext,
  ): AsyncGenerator<Response, Response | undefined, undefined> {
    const name = call.method.path.slice(1).replace("/", ".");
    const caller = await callerOf(gate, limit, name, context);
    checkReach(caller, name);
    return (yield* call.next(call.request, { ...context, caller })) as Response | undefined;
  };
}

async function callerOf(gate: Gate, limit: RateLimit, name: string, { metadata }: CallContext): Promise<Caller> {
  // Nothing behind a public method looks at who calls.
  if (levelOf(name) === "public") return NOBODY;
  const caller = await gate.caller(metadata.get("authorization"));
  limit.check(caller);
  return caller;
}

const NOBODY: Caller = { ...LOCAL_CALLER, key: "", role: "viewer", tenant: "" };
