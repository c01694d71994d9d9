import { rmSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { BENCHMARKS, CLUSTER_BENCHMARKS } from "./benchmarks.ts";
import type { Result } from "./common/benchmark.ts";
import { currentLoad, describeMachine } from "./common/machine.ts";
import { machineLines, markdownLines, resultLines } from "./common/report.ts";

const USAGE = `usage: main.ts [NAME...] [--json FILE] [--markdown] [--data FOLDER] [--profile] [--smoke]

  --json FILE    also write the figures as JSON
  --markdown     print tables as docs/reference/performance.md has them
  --data FOLDER  where to keep data while measuring (a folder in it, removed afterwards); default: here
  --profile      also write CPU profiles here and print where the time goes
  --smoke        the smallest run of each: shows that it works, measures nothing

`;

const ALL = [...BENCHMARKS, ...CLUSTER_BENCHMARKS];
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Runs the benchmarks named, or all. @returns the exit code: 0, 1 when one failed, 2 for wrong usage. An aim that is missed is no failure. */
export async function run(args: readonly string[]): Promise<number> {
  const parsed = read(args);
  if (parsed === undefined) {
    process.stderr.write(USAGE + ALL.map(({ name, title }) => `  ${name.padEnd(17)} ${title}\n`).join(""));
    return 2;
  }
  const { values, chosen } = parsed;
  const root = await mkdtemp(resolve(values.data ?? ".", ".heimdex-bench-"));
  const remove = () => rmSync(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  const stop = () => {
    process.once("exit", remove); // behind those that end the children
    process.exit(130);
  };
  for (const name of SIGNALS) process.once(name, stop);
  try {
    const machine = await describeMachine(root);
    print(machineLines(machine));
    const results: Record<string, Result & { load: { before: number; after: number } }> = {};
    let failed = false;
    for (const { name, title, run: measure } of chosen) {
      print([`${name}: ${title}`]);
      const folder = await mkdtemp(join(root, `${name}-`));
      const before = currentLoad();
      try {
        const say = (line: string) => process.stderr.write(`  ${line}\n`);
        const result = await measure({ smoke: values.smoke, profile: values.profile, folder, say });
        const load = { before, after: currentLoad() };
        results[name] = { ...result, load };
        print(values.markdown ? markdownLines(result, load) : resultLines(result, load));
      } catch (reason) {
        failed = true;
        process.stderr.write(`  ${name} failed: ${reason instanceof Error ? reason.stack : String(reason)}\n\n`);
      }
      await rm(folder, { recursive: true, force: true });
    }
    if (values.json !== undefined) {
      const document = { measured_at: new Date().toISOString(), machine, results };
      await writeFile(values.json, `${JSON.stringify(document, undefined, 1)}\n`);
    }
    return failed ? 1 : 0;
  } finally {
    for (const name of SIGNALS) process.off(name, stop);
    remove();
  }
}

function read(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: "string" },
        markdown: { type: "boolean", default: false },
        data: { type: "string" },
        profile: { type: "boolean", default: false },
        smoke: { type: "boolean", default: false },
      },
    });
    const unknown = positionals.filter((name) => !ALL.some((benchmark) => benchmark.name === name));
    if (unknown.length > 0) throw new TypeError(`no benchmark is called ${unknown.join(", ")}`);
    return {
      values,
      chosen: positionals.length === 0 ? BENCHMARKS : ALL.filter(({ name }) => positionals.includes(name)),
    };
  } catch (reason) {
    if (!(reason instanceof TypeError)) throw reason;
    process.stderr.write(`${reason.message}\n`);
    return undefined;
  }
}

function print(lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}
