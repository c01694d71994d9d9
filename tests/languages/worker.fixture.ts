import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { shellEnv } from "./npm-project.fixture.ts";

/** Starts a worker of any language and waits until it says that its stage is registered. Killed with the test if it still runs then.
 * @param more further variables of its environment */
export async function startWorker(
  t: TestContext,
  folder: string,
  address: string,
  command: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<ChildProcess> {
  const [program = "", ...args] = command;
  const env = { ...shellEnv(), HEIMDEX_ORCHESTRATOR: address, ...more };
  const worker = spawn(program, args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"], env });
  t.after(async () => {
    if (worker.exitCode !== null || worker.signalCode !== null) return;
    worker.kill("SIGKILL");
    await once(worker, "exit");
  });
  const said: string[] = [];
  for await (const line of createInterface({ input: worker.stderr })) {
    said.push(line);
    if (!/registered/.test(line)) continue;
    worker.stderr.resume();
    return worker;
  }
  throw new Error(`${command.join(" ")} ended without registering its stage:\n${said.join("\n")}`);
}
