import { spawnSync } from "node:child_process";
import type { TestContext } from "node:test";

export type Language = "TypeScript" | "Python" | "Go";

/** What a machine must be able to run. Python without venv (Debian packs it apart) cannot install packages. */
const PROBES: Readonly<Record<Language, readonly [string, ...string[]]>> = {
  TypeScript: [process.execPath, "--version"],
  Python: ["python3", "-c", "import ensurepip, venv"],
  Go: ["go", "version"],
};

/** Whether a language is installed here. Where it is not, the test says loudly that it did not run; `scripts/say-languages` says so once more at the end. */
export function isInstalled(t: TestContext, language: Language): boolean {
  const [command, ...args] = PROBES[language];
  if (spawnSync(command, args, { stdio: "ignore" }).status === 0) return true;
  const what = `NOT RUN: ${language} is not installed here (${[command, ...args].join(" ")} fails)`;
  t.diagnostic(what);
  t.skip(what);
  return false;
}
