import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The checkout. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SDK = join(ROOT, "packages/stage-sdk");
const MAX_OUTPUT_BYTES = 2 ** 26;

/** An environment in which `heimdex` is the checkout's and `node` is the one that runs this, as in a user's shell after the guide's first block. */
export function shellEnv(): NodeJS.ProcessEnv {
  // A test runner below a test runner would report to it instead of exiting by its own result.
  const { NODE_TEST_CONTEXT: _outer, HEIMDEX_DATA: _data, ...env } = process.env;
  const path = [join(ROOT, "node_modules/.bin"), ROOT, env.PATH].join(delimiter);
  return { ...env, PATH: path, NO_COLOR: "1" };
}

/** Runs a program in a folder and gives what it wrote to stdout; rejects with all it wrote when it fails. */
export async function runIn(cwd: string, command: string, ...args: readonly string[]): Promise<string> {
  try {
    const options = { cwd, env: shellEnv(), maxBuffer: MAX_OUTPUT_BYTES };
    return (await promisify(execFile)(command, args, options)).stdout;
  } catch (cause) {
    const { stdout = "", stderr = "" } = cause as { stdout?: string; stderr?: string };
    throw new Error(`${[command, ...args].join(" ")} failed in ${cwd}:\n${stdout}\n${stderr}`, { cause });
  }
}

/** A folder of its own for a test, removed with it. */
export async function emptyFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-languages-"));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** The SDK as npm gets it: the path of its tarball. */
export async function packSdk(folder: string): Promise<string> {
  const [{ filename }] = JSON.parse(await runIn(SDK, "npm", "pack", "--json", "--pack-destination", folder)) as [
    { filename: string },
  ];
  return join(folder, filename);
}

/** An empty npm project with packages installed. */
export async function npmProject(t: TestContext, ...packages: readonly string[]): Promise<string> {
  const folder = await emptyFolder(t);
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  await runIn(folder, "npm", "install", "--no-audit", "--no-fund", "--loglevel=error", ...packages);
  return folder;
}
