import type { ChildProcess } from "node:child_process";

/** Takes the child along when this process exits before it, for instance by Ctrl-C in the middle of a benchmark. */
export function reap(child: ChildProcess): void {
  const kill = () => child.kill("SIGTERM");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
}
