import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

/** The shell blocks of the deployment guide that are marked with `mark`, one after the other, as one reader's shell runs them. */
export async function runnable(mark: "runnable" | "runnable=docker"): Promise<string> {
  const guide = await readFile("docs/infrastructure/deployment.md", "utf8");
  const blocks = [...guide.matchAll(/^```sh (\S+)\n([\s\S]*?)^```$/gm)];
  return blocks.flatMap(([, found, text]) => (found === mark ? [text] : [])).join("");
}

/** Runs a script as a careful shell does; rejects with what it printed. */
export async function shell(script: string, folder: string, env: NodeJS.ProcessEnv): Promise<string> {
  const { stdout } = await promisify(execFile)("bash", ["-euo", "pipefail", "-c", script], {
    cwd: folder,
    env,
    maxBuffer: 2 ** 26,
  });
  return stdout;
}
