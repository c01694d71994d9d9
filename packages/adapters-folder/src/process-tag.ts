import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { codeOf } from "./disk-error.ts";

/** Names a process on a machine, in file names: `<host>.<pid>.<start>`. The start tells it from a later process with the same number, which in
 * a container is the rule: there the server is process 1 each time. */
export function processTag(): string {
  return `${host()}.${process.pid}.${startOf(process.pid) ?? 0}`;
}

/** Whether the process of a tag still runs. Of processes on other machines, and where only a number can be compared, nothing is sure. */
export function fateOf(tag: string): "running" | "ended" | "unknown" {
  const [name, pid, start] = tag.split(".");
  if (name !== host() || !/^\d+$/.test(pid ?? "")) return "unknown";
  const now = startOf(Number(pid));
  if (now !== undefined) return now === start ? "running" : "ended";
  try {
    process.kill(Number(pid), 0);
    return "unknown";
  } catch (error) {
    return codeOf(error) === "ESRCH" ? "ended" : "unknown";
  }
}

function host(): string {
  return hostname().replaceAll(/[^A-Za-z0-9-]/g, "-") || "-";
}

/** When the process started, in clock ticks since the machine did (field 22 of proc_pid_stat(5)); undefined where there is no such process or no /proc. */
function startOf(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ESRCH" || codeOf(error) === "EACCES") return undefined;
    throw error;
  }
  // The second field is the program's name in parentheses, which may hold anything; the third follows the last one.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}
