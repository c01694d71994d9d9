import { isTenant } from "@heimdex/access";
import { HeimdexError } from "@heimdex/errors";

/** What the gateway asks of the orchestrator over the bus, on behalf of somebody it knows. */
export interface Command {
  /** Whose: it bounds all that the command reads and changes. */
  readonly tenant: string;
  readonly request: unknown;
}

/** Reads a request of the bus. What does not say whose it is is nobody's, and is not done. Throws INVALID_ARGUMENT. */
export function readCommand(payload: unknown): Command {
  const { tenant, request } = (payload ?? {}) as Partial<Command>;
  if (isTenant(tenant)) return { tenant, request };
  throw new HeimdexError("INVALID_ARGUMENT", "a command on the bus does not say for which tenant it is", {
    fields: [{ field: "tenant", description: "must name a tenant" }],
  });
}
