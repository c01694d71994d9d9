import { HeimdexError } from "@heimdex/errors";
import { defineStage, json, source } from "@heimdex/stage-sdk";
import { z } from "zod";
import { TENANT, type World } from "./world.ts";

/** Asks a stage as the gateway does, and gives what it answers. */
export async function ask(
  world: World,
  stage: string,
  text: string,
  options: { timeoutMs?: number; signal?: AbortSignal } = {},
): Promise<string> {
  const payload = { tenant: TENANT, request: Buffer.from(text).toString("base64") };
  const answer = await world.ports.bus.request(`interactive.${stage}`, payload, { timeoutMs: 5_000, ...options });
  return Buffer.from((answer as { response: string }).response, "base64").toString();
}

export const failedAs = (id: string) => (reason: unknown) => reason instanceof HeimdexError && reason.id === id;

/** Nobody answers the stage's requests, or whoever did has just been given another. */
export const isUnserved = (reason: unknown) => failedAs("BUS_NO_RESPONDER")(reason) || failedAs("NO_WORKER")(reason);

/** The poll is on its way to the server: until it is parked there the lane has nobody. */
export async function retryUntilParked<R>(call: () => Promise<R>): Promise<R> {
  for (;;) {
    try {
      return await call();
    } catch (reason) {
      if (!isUnserved(reason)) throw reason;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** `made.embed`, which answers `heard TEXT`. Its steps end once `busy` does. */
export function embedStage(busy: Promise<void> = Promise.resolve()) {
  return defineStage({
    name: "made.embed",
    version: "1.0.0",
    behaviour: 1,
    description: "Embeds.",
    inputs: { source: source() },
    outputs: { out: json("made.out", z.number()) },
    run: async () => {
      await busy;
      return { out: 1 };
    },
    interactive: async (request) => Buffer.from(`heard ${Buffer.from(request).toString()}`),
  });
}
