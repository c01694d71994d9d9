import { Bench, type BenchOptions } from "./bench.ts";
import { Broken, type Check, type Clause, DoesNotApply } from "./check.ts";
import { CHECKS } from "./checks.ts";

/** How a check ended. */
export interface CheckResult {
  readonly id: string;
  readonly title: string;
  readonly proves: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** What was seen; why it was skipped. */
  readonly seen: string;
  readonly contract: readonly Clause[];
  /** How long it took. */
  readonly ms: number;
}

export interface KitReport {
  /** Stage that was tested; empty when none was registered. */
  readonly stage: string;
  readonly version: string;
  readonly ok: boolean;
  readonly checks: readonly CheckResult[];
}

export interface KitOptions extends BenchOptions {
  /** Ids of the checks to make. Default: all. */
  readonly checks?: readonly string[];
  /** Hears of each check as it ends. */
  readonly onResult?: (result: CheckResult) => void;
  /** Ends the run, and the worker. */
  readonly signal?: AbortSignal;
}

/** Starts the command against a server of its own and makes the checks. Rejects when the kit itself cannot work, such as without ffmpeg. */
export async function runKit(options: KitOptions): Promise<KitReport> {
  const { checks: ids, onResult, signal } = options;
  const wanted = CHECKS.filter(({ id }) => ids === undefined || ids.includes(id));
  const stopped = new Promise<never>((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  stopped.catch(() => undefined);
  await using bench = await Bench.open(options);
  const results: CheckResult[] = [];
  let isUp = true;
  for (const check of wanted) {
    signal?.throwIfAborted();
    const beganMs = performance.now();
    let { outcome, seen }: Ending = { outcome: "skipped", seen: "the worker is not up" };
    if (isUp) {
      const down = await Promise.race([broughtUp(bench), stopped]);
      isUp = down === undefined;
      ({ outcome, seen } = down ?? (await Promise.race([endingOf(check, bench), stopped])));
    }
    const { id, title, proves, contract } = check;
    const result = { id, title, proves, outcome, seen, contract, ms: Math.round(performance.now() - beganMs) };
    results.push(result);
    onResult?.(result);
  }
  const manifest = bench.recorder.manifests.get(bench.seen.stage);
  return {
    stage: manifest?.name ?? "",
    version: manifest?.version ?? "",
    ok: results.every(({ outcome }) => outcome !== "failed"),
    checks: results,
  };
}

type Ending = Pick<CheckResult, "outcome" | "seen">;

/** Undefined when the worker is up, as each check wants it; else what is to be said of it. */
async function broughtUp(bench: Bench): Promise<Ending | undefined> {
  try {
    await bench.ready();
    return undefined;
  } catch (reason) {
    if (reason instanceof Broken) return { outcome: "failed", seen: reason.message };
    throw reason;
  }
}

async function endingOf(check: Check, bench: Bench): Promise<Ending> {
  try {
    return { outcome: "passed", seen: await check.run(bench) };
  } catch (reason) {
    if (reason instanceof DoesNotApply) return { outcome: "skipped", seen: reason.message };
    if (reason instanceof Broken) return { outcome: "failed", seen: reason.message };
    throw reason;
  }
}
