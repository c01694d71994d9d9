import { execFile } from "node:child_process";
import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { toolPath } from "@heimdex/media";
import { percentile } from "./statistics.ts";

/** What figures depend on. Says nothing of who or where the machine is. */
export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memory_gib: number;
  readonly system: string;
  readonly node: string;
  readonly ffmpeg: string;
  readonly filesystem: string;
  /** Median time of writing 4 KiB and syncing them, ms: what bounds durable writes. */
  readonly fsync_ms: number;
  /** Load average of the last minute before the run: other work that disturbed it. */
  readonly load_before: number;
}

/** Magic numbers of statfs(2), man page of Linux. */
const FILESYSTEMS: Readonly<Record<number, string>> = {
  61267: "ext4",
  1481003842: "xfs",
  2435016766: "btrfs",
  16914836: "tmpfs",
  2035054128: "overlayfs",
};

/** @param folder where the benchmarks keep their data */
export async function describeMachine(folder: string): Promise<Machine> {
  const { type } = await statfs(folder);
  const { stdout } = await promisify(execFile)(toolPath("ffmpeg"), ["-version"]);
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? "unknown",
    memory_gib: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    system: `${process.platform} ${process.arch}`,
    node: process.version,
    ffmpeg: /^ffmpeg version (\S+)/.exec(stdout)?.[1] ?? "unknown",
    filesystem: FILESYSTEMS[type] ?? `0x${type.toString(16)}`,
    fsync_ms: measureSync(folder),
    load_before: currentLoad(),
  };
}

/** Load average of the last minute. */
export function currentLoad(): number {
  return loadavg()[0] ?? 0;
}

function measureSync(folder: string): number {
  const file = openSync(join(folder, "sync"), "w");
  const page = Buffer.alloc(4096, 1);
  const times = Array.from({ length: 40 }, () => {
    writeSync(file, page);
    const began = performance.now();
    fsyncSync(file);
    return performance.now() - began;
  });
  closeSync(file);
  return Math.round(percentile(times, 50) * 100) / 100;
}

/** Memory and CPU time of a process, from /proc: Linux only. Undefined when it has gone. */
export function processUsage(pid: number): ProcessUsage | undefined {
  const status = readText(`/proc/${pid}/status`);
  const stat = readText(`/proc/${pid}/stat`);
  if (status === undefined || stat === undefined) return undefined;
  // The name in parentheses may hold spaces: fields are counted behind it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return {
    parent: Number(fields[1]),
    name: stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")")),
    peakKib: Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0),
    cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
  };
}

/** CPU time of a process's threads so far, user and system, summed by their names, ms. Linux only. */
export function threadUsage(pid: number): Map<string, number> {
  const usage = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const stat = readText(`/proc/${pid}/task/${thread}/stat`);
    if (stat === undefined) continue;
    const name = thread === String(pid) ? "main" : stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    usage.set(name, (usage.get(name) ?? 0) + (Number(fields[11]) + Number(fields[12])) * TICK_MS);
  }
  return usage;
}

/** Undefined when the process has gone. */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (reason) {
    if (["ENOENT", "ESRCH"].includes((reason as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw reason;
  }
}

/** USER_HZ is 100 on every Linux that Node runs on. */
const TICK_MS = 10;

export interface ProcessUsage {
  readonly parent: number;
  readonly name: string;
  /** Most memory it ever held (VmHWM), KiB. */
  readonly peakKib: number;
  /** User and system, this process alone, ms. */
  readonly cpuMs: number;
}
