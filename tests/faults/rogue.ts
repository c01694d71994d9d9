import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { OpenSessionResponse } from "@heimdex/contracts/stage/v1/work_service";
import { HeimdexError } from "@heimdex/errors";
import type { RawWorker } from "@heimdex/orchestrator/testing";
import type { FromRogue, Own, ToRogue } from "./rogue.fixture.ts";

const ROGUE = fileURLToPath(new URL("./rogue.fixture.ts", import.meta.url));

type Contract = Pick<
  RawWorker,
  "register" | "acquire" | "lease" | "renew" | "finish" | "complete" | "fail" | "release" | "uploads"
>;

/** What it can be told to do: each is done in its process, and the answer comes back. */
export type Rogue = Contract &
  Own & {
    readonly session: OpenSessionResponse;
    /** Stops the process where it stands. */
    freeze(): void;
    wake(): void;
    kill(): Promise<void>;
  };

/** Starts a worker that speaks the contract itself, in a process of its own, for the length of a test at most. */
export async function startRogue(t: TestContext, orchestrator: string): Promise<Rogue> {
  const child = fork(ROGUE, [orchestrator], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    serialization: "advanced",
  });
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  t.after(kill);
  const [{ result: session }] = (await once(child, "message")) as [FromRogue];
  const ask = asker(child);
  const here = { session, kill, freeze: () => child.kill("SIGSTOP"), wake: () => child.kill("SIGCONT") };
  return new Proxy(here, {
    get(target, name) {
      if (name in target || typeof name !== "string" || name === "then") return Reflect.get(target, name);
      return (...args: unknown[]) => ask(name, args);
    },
  }) as unknown as Rogue;
}

function asker(child: ChildProcess): (method: string, args: readonly unknown[]) => Promise<unknown> {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let count = 0;
  child.on("message", ({ id, result, error }: FromRogue) => {
    const answer = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) answer?.resolve(result);
    else answer?.reject(HeimdexError.fromJSON(error));
  });
  return (method, args) => {
    const id = ++count;
    const answer = Promise.withResolvers<unknown>();
    waiting.set(id, answer);
    child.send({ id, method, args } satisfies ToRogue);
    return answer.promise;
  };
}
