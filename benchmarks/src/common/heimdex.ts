import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { chosenModel } from "@heimdex/models";
import { readSidecar, type Sidecar } from "@heimdex/sidecar";
import { type ProcessUsage, processUsage } from "./machine.ts";
import { reap } from "./reap.ts";

const LAUNCHER = fileURLToPath(new URL("../../../heimdex", import.meta.url));

/** What `heimdex up --json` says when every stage has registered. */
export interface UpDocument {
  readonly pid: number;
  readonly grpc: string;
  readonly stages: readonly { readonly stage: string; readonly state: string; readonly reason: string }[];
  readonly ready_ms: number;
}

/** What `heimdex index --json` says. */
export interface IndexDocument {
  readonly assets: readonly {
    readonly source: string;
    readonly state: string;
    readonly reason: string;
    readonly duration_ms: number;
    readonly wall_ms: number;
    readonly stages: readonly {
      readonly stage: string;
      readonly state: string;
      readonly reason: string;
      readonly wall_ms: number;
      readonly cpu_ms: number;
    }[];
  }[];
}

/** A running `heimdex up`. */
export interface Up extends AsyncDisposable {
  readonly document: UpDocument;
  /** From starting the command until every stage had registered, ms. */
  readonly readyMs: number;
  /** Indexes files through it; rejects unless each ends SUCCEEDED. */
  index(...files: readonly string[]): Promise<IndexDocument>;
  /** The newest sidecar of a file that was indexed. */
  sidecar(file: string): Promise<Sidecar>;
}

/** Runs the command people run, on free ports; resolves when it says that all stages have registered. Rejects when a stage cannot be used. */
export async function startUp(data: string, env: Readonly<Record<string, string>> = {}): Promise<Up> {
  const began = performance.now();
  const ports = ["--http-port", "--grpc-port", "--worker-port", "--data-port"].flatMap((option) => [option, "0"]);
  const child = heimdex(["up", "--data", data, "--json", ...ports], env);
  try {
    const document = await firstDocument<UpDocument>(child);
    const readyMs = performance.now() - began;
    // A stage that the bundled profile has no model for says so, and is left out.
    const unusable = document.stages.filter(
      ({ stage, state, reason }) =>
        state !== "ENABLED" && !(reason.startsWith("NO_MODEL") && chosenModel(stage) === undefined),
    );
    if (unusable.length > 0)
      throw new Error(unusable.map(({ stage, state, reason }) => `${stage} is ${state}: ${reason}`).join("; "));
    return {
      document,
      readyMs,
      async index(...files) {
        const run = heimdex(["index", "--data", data, "--json", ...files], env);
        const ended = once(run, "exit");
        const said = JSON.parse(await text(run.stdout as NodeJS.ReadableStream)) as IndexDocument;
        await ended;
        const failed = said.assets?.find(({ state }) => state !== "SUCCEEDED");
        if (said.assets === undefined || failed !== undefined)
          throw new Error(`indexing did not succeed: ${JSON.stringify(failed ?? said)}`);
        return said;
      },
      async sidecar(file) {
        const run = heimdex(["sidecar", file, "--data", data], env);
        return readSidecar(await text(run.stdout as NodeJS.ReadableStream));
      },
      [Symbol.asyncDispose]: () => end(child),
    };
  } catch (reason) {
    await end(child);
    throw reason;
  }
}

function heimdex(args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  const child = spawn(LAUNCHER, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "ignore"] });
  reap(child);
  return child;
}

/** The document printed while the command goes on. */
async function firstDocument<T>(child: ChildProcess): Promise<T> {
  let printed = "";
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    printed += chunk.toString();
    try {
      return JSON.parse(printed) as T;
    } catch (reason) {
      if (!(reason instanceof SyntaxError)) throw reason; // not whole yet
    }
  }
  throw new Error(`heimdex up ended without saying that it is ready: ${printed}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}

/** Most memory (VmHWM) of every process below `pid`, by what it is, KiB, watched until `stop` is called. Looks every 50 ms: of a process that lives
 * shorter, or grows in its last 50 ms, something may be missed. Linux only. */
export function watchMemory(pid: number): { stop(): Promise<Map<string, number>> } {
  const peaks = new Map<string, number>();
  const stopping = new AbortController();
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      look(pid, peaks);
      await delay(50, undefined, { signal: stopping.signal }).catch((reason: Error) => {
        if (reason.name !== "AbortError") throw reason;
      });
    }
    look(pid, peaks);
  })();
  return {
    async stop() {
      stopping.abort();
      await watching;
      return peaks;
    },
  };
}

function look(root: number, peaks: Map<string, number>): void {
  for (const { name, peakKib } of processTree(root)) peaks.set(name, Math.max(peaks.get(name) ?? 0, peakKib));
}

/** CPU of `pid` and every process below it so far, by what it is, ms. Linux only. */
export function treeCpu(pid: number): Map<string, number> {
  const used = new Map<string, number>();
  for (const { name, cpuMs } of processTree(pid)) used.set(name, (used.get(name) ?? 0) + cpuMs);
  return used;
}

/** A process and all below it: `heimdex up`, `stage-media`, `stage-media: ffmpeg`. */
function processTree(root: number): ProcessUsage[] {
  const names = new Map([[root, "heimdex up"]]);
  const all = readdirSync("/proc").flatMap((entry) => {
    const usage = /^\d+$/.test(entry) ? processUsage(Number(entry)) : undefined;
    return usage === undefined ? [] : [{ pid: Number(entry), ...usage }];
  });
  // Children may come before their parents in the list once process ids have wrapped around.
  for (let grown = true; grown; ) {
    grown = false;
    for (const { pid, parent, name } of all) {
      const above = names.get(parent);
      if (names.has(pid) || above === undefined) continue;
      // The shell that sets a tool's limits stands for the service that called it.
      const own = name === "sh" ? above : `${above}: ${programOf(pid, name)}`;
      names.set(pid, parent === root ? (serviceOf(pid) ?? name) : own);
      grown = true;
    }
  }
  return all.flatMap(({ pid, ...usage }) => {
    const name = names.get(pid);
    return name === undefined || usage.name === "sh" ? [] : [{ ...usage, name }];
  });
}

const commandLine = (pid: number): string => {
  try {
    return readFileSync(join("/proc", String(pid), "cmdline"), "utf8");
  } catch (reason) {
    if (["ENOENT", "ESRCH"].includes((reason as NodeJS.ErrnoException).code ?? "")) return "";
    throw reason;
  }
};

const serviceOf = (pid: number) => /services\/([a-z-]+)\//.exec(commandLine(pid))?.[1];

/** A script's name says more than `node`. */
const programOf = (pid: number, name: string) => /([a-z-]+)\.ts\0/.exec(commandLine(pid))?.[1] ?? name;
