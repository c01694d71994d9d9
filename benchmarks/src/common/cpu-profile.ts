import { writeFile } from "node:fs/promises";
import { Session } from "node:inspector/promises";

/** As V8 writes it. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples?: readonly number[] | undefined;
  readonly timeDeltas?: readonly number[] | undefined;
}

export interface SelfTime {
  /** `function (file:line)`. */
  readonly where: string;
  /** Of all the time that was not idle, 0..1. */
  readonly share: number;
  readonly ms: number;
}

/** Profiles this thread from now until the returned function is called, which writes a .cpuprofile. */
export async function profileThread(): Promise<(file: string) => Promise<CpuProfile>> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: 500 });
  await session.post("Profiler.start");
  return async (file) => {
    const { profile } = await session.post("Profiler.stop");
    session.disconnect();
    await writeFile(file, JSON.stringify(profile));
    return profile;
  };
}

/** Where the thread's time went, by function, largest first; how long it was idle stands apart. */
export function selfTimes(profile: CpuProfile): { busyMs: number; idleMs: number; functions: SelfTime[] } {
  const byNode = new Map<number, number>();
  for (const [index, node] of (profile.samples ?? []).entries())
    byNode.set(node, (byNode.get(node) ?? 0) + (profile.timeDeltas?.[index] ?? 0) / 1000);
  const byPlace = new Map<string, number>();
  let idleMs = 0;
  let busyMs = 0;
  for (const { id, callFrame } of profile.nodes) {
    const ms = byNode.get(id) ?? 0;
    if (callFrame.functionName === "(idle)") {
      idleMs += ms;
      continue;
    }
    busyMs += ms;
    const where = placeOf(callFrame);
    byPlace.set(where, (byPlace.get(where) ?? 0) + ms);
  }
  const functions = [...byPlace]
    .map(([where, ms]) => ({ where, ms, share: busyMs > 0 ? ms / busyMs : 0 }))
    .sort((a, b) => b.ms - a.ms);
  return { busyMs, idleMs, functions };
}

function placeOf({ functionName, url, lineNumber }: CpuProfile["nodes"][number]["callFrame"]): string {
  const name = functionName === "" ? "(anonymous)" : functionName;
  if (url === "") return name;
  // Paths of the machine say nothing: from the package on is enough.
  const file = /(?:node_modules\/|(?=(?:packages|services|apps|benchmarks)\/))(?!.*node_modules\/)(.*)$/.exec(url)?.[1];
  return `${name} (${file ?? url}:${lineNumber + 1})`;
}

/** Same, folded by what the files belong to: a package, node's own modules, native code. */
export function shareByPackage(functions: readonly SelfTime[]): { name: string; share: number }[] {
  const shares = new Map<string, number>();
  for (const { where, share } of functions) {
    const file = /\(([^()]+):\d+\)$/.exec(where)?.[1];
    const name =
      file === undefined
        ? where.startsWith("(")
          ? where
          : "native code"
        : file.startsWith("node:")
          ? file
          : file
              .split("/")
              .slice(0, file.startsWith("@") || /^(packages|services|apps)\//.test(file) ? 2 : 1)
              .join("/");
    shares.set(name, (shares.get(name) ?? 0) + share);
  }
  return [...shares].map(([name, share]) => ({ name, share })).sort((a, b) => b.share - a.share);
}

/** A profile as lines of text. */
export function profileLines(title: string, profile: CpuProfile, top = 25): string[] {
  const { busyMs, idleMs, functions } = selfTimes(profile);
  const percent = (share: number) => `${(share * 100).toFixed(1).padStart(5)} %`;
  return [
    `${title}: ${Math.round(busyMs)} ms busy, ${Math.round(idleMs)} ms idle`,
    "  by package:",
    ...shareByPackage(functions)
      .slice(0, 14)
      .map(({ name, share }) => `  ${percent(share)}  ${name}`),
    "  by function (self time):",
    ...functions.slice(0, top).map(({ where, share }) => `  ${percent(share)}  ${where}`),
  ];
}
