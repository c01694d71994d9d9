import { readFile } from "node:fs/promises";
import type { Failed } from "@heimdex/contracts/stage/v1/work_service";
import type { Bench, Indexed } from "../bench.ts";
import { Broken, type Check, DoesNotApply } from "../check.ts";
import type { FilmKind } from "../films.ts";
import { otherConfig } from "../other-config.ts";
import type { Ended } from "../sightings.ts";

const REASON = /^[A-Z][A-Z0-9_]{0,63}$/;

function failureOf({ finish }: Ended): Failed | undefined {
  return finish?.outcome?.$case === "failed" ? finish.outcome.value : undefined;
}

/** Throws Broken unless the file was completed. */
function assertDone({ step, attempts }: Indexed, what: string): void {
  if (step.state === "OK" || step.state === "EMPTY") return;
  const last = attempts.at(-1);
  const failure = last === undefined ? undefined : failureOf(last);
  throw new Broken(
    `${what} ended ${step.state}: ${failure === undefined ? step.reason : `${failure.kind} ${failure.reason}: ${failure.message}`}`,
  );
}

/** Throws Broken unless the attempt was completed or failed in a way that says so: no retry would help, why, and what to do. */
function assertClear(attempt: Ended, what: string, allowed: readonly string[]): string {
  const { finish, answer } = attempt;
  if (answer?.result === "REFUSED")
    throw new Broken(`${what}: its result was refused: ${answer.reason}: ${answer.message}`);
  const failure = failureOf(attempt);
  if (failure === undefined) {
    const how = finish?.outcome?.$case ?? "lost";
    if (how !== "completed") throw new Broken(`${what}: the lease ended ${how}`);
    return "completed";
  }
  if (!allowed.includes(failure.kind))
    throw new Broken(
      `${what}: failed as ${failure.kind} (${failure.reason}: ${failure.message.slice(0, 200)}): it would be tried again in vain`,
    );
  if (!REASON.test(failure.reason))
    throw new Broken(`${what}: the reason ${JSON.stringify(failure.reason)} is no id in capitals`);
  if (failure.message === "") throw new Broken(`${what}: failed as ${failure.reason} without a message`);
  if (failure.help === "")
    throw new Broken(`${what}: failed as ${failure.reason} without help: nobody knows what to do`);
  return `${failure.kind} ${failure.reason}`;
}

/** A file that is no media, and the one after it. */
function corrupt(bench: Bench): Promise<Indexed> {
  return bench.scene("corrupt", () => bench.index("corrupt", "corrupt"));
}

export const inputs: readonly Check[] = [
  {
    id: "HX-STG-026",
    title: "reads inputs by URL alone",
    proves: "it works on a machine that does not see the server's files",
    contract: [
      {
        file: "work_service.proto",
        at: "Artifact.url",
        says: "signed http(s) URL with byte ranges, valid as long as the lease.",
      },
      {
        file: "work_service.proto",
        at: "Artifact.path",
        says: "local path of the same bytes, for sessions that proved the mount.",
      },
    ],
    async run(bench) {
      const done = await bench.index("plain", "by-url");
      assertDone(done, "a film without a local path");
      const read = bench.gate.readings.filter(({ lease }) => lease === done.attempts[0]?.given.lease.lease);
      return `${read.length} requests`;
    },
  },
  {
    id: "HX-STG-027",
    title: "does not mind the source's name",
    proves: "files are called what people call them: in any script, with quotes and line breaks",
    contract: [
      {
        file: "work_service.proto",
        at: "Lease.source_name",
        says: "File name or last URL segment of the asset's source, for messages. Never open it.",
      },
    ],
    async run(bench) {
      const done = await bench.index("plain", "-été \"x\" 'y' \n 東京 🎬 %2F $(id)", { withPaths: true });
      assertDone(done, `a film called ${JSON.stringify(done.sourceName)}`);
      return JSON.stringify(done.sourceName);
    },
  },
  {
    id: "HX-STG-028",
    title: "heeds its configuration",
    proves: "each setting has a default that its own schema allows, and other values that the schema allows do no harm",
    contract: [
      {
        file: "stage.proto",
        at: "Manifest.config_schema",
        says: "JSON Schema (2020-12) of its configuration, as JSON text of at most 64 KiB. Every property has a default.",
      },
      {
        file: "work_service.proto",
        at: "Lease.config",
        says: "Effective configuration as JSON text: defaults filled in.",
      },
    ],
    async run(bench) {
      const other = otherConfig(bench.manifest.configSchema);
      if (other.fault !== undefined) throw new Broken(other.fault);
      const names = Object.keys(other.config);
      if (names.length === 0) throw new DoesNotApply("the stage has no setting that could be set to something else");
      try {
        await bench.restartServer({ [bench.seen.stage]: other.config });
        await bench.ready();
        const done = await bench.index("plain", "other-settings", { withPaths: true });
        for (const attempt of done.attempts)
          assertClear(attempt, `with ${JSON.stringify(other.config)}`, ["TERMINAL", "INPUT_REJECTED"]);
      } finally {
        await bench.restartServer();
      }
      return `works with ${names.join(", ")} set to other values`;
    },
  },
  {
    id: "HX-STG-029",
    title: "takes films in which there is nothing",
    proves: "black, silent, without sound or picture, with empty layers: a result (perhaps an empty one) or a clear no",
    contract: [
      {
        file: "work_service.proto",
        at: "Failed.Kind.INPUT_REJECTED",
        says: "The asset's own bytes are at fault; no retry.",
      },
      { file: "work_service.proto", at: "Failed.Kind.TERMINAL", says: "No retry would help." },
    ],
    async run(bench) {
      const seen: string[] = [];
      for (const kind of ["blank", "no_sound", "no_picture"] as const satisfies readonly FilmKind[]) {
        const what = { blank: "black and silent", no_sound: "without sound", no_picture: "without picture" }[kind];
        try {
          const { attempts } = await bench.index(kind, kind.replace("_", "-"));
          for (const attempt of attempts)
            seen.push(`${what}: ${assertClear(attempt, what, ["TERMINAL", "INPUT_REJECTED"])}`);
        } catch (reason) {
          if (!(reason instanceof DoesNotApply)) throw reason;
          seen.push(`${what}: not run`);
        }
      }
      return seen.join("; ");
    },
  },
  {
    id: "HX-STG-030",
    title: "says clearly that it cannot read an input",
    proves: "a broken file is not tried again and again, and a person learns what is wrong with it",
    contract: [
      {
        file: "work_service.proto",
        at: "Failed.Kind.INPUT_REJECTED",
        says: "The asset's own bytes are at fault; no retry.",
      },
      { file: "work_service.proto", at: "Failed.reason", says: "Stable id in capitals, such as `NOT_MEDIA`." },
      { file: "work_service.proto", at: "Failed.help", says: "What a person can do." },
    ],
    async run(bench) {
      const { attempts } = await corrupt(bench);
      const [first] = attempts;
      if (first === undefined) throw new DoesNotApply("the stage was not run on it");
      return assertClear(first, "a file of random bytes", ["TERMINAL", "INPUT_REJECTED"]);
    },
  },
  {
    id: "HX-STG-031",
    title: "goes on with the next file after a failure",
    proves: "a bad file spoils nothing for the others",
    contract: [
      { file: "work_service.proto", at: "Finish.failed", says: "Not done, and why." },
      {
        file: "work_service.proto",
        at: "WorkService.AcquireLeases",
        says: "Ask for exactly as many leases as there are free slots.",
      },
    ],
    async run(bench) {
      const { worker } = bench;
      await corrupt(bench);
      const done = await bench.index("plain", "after-corrupt");
      if (bench.worker !== worker || worker.exit !== undefined)
        throw new Broken(`it ended with a file of random bytes${bench.said()}`);
      assertDone(done, "the film after a file of random bytes");
      return "the next film was completed by the same process";
    },
  },
  {
    id: "HX-STG-032",
    title: "leaves its inputs as they are",
    proves: "the archive's own files are safe where a worker sees them",
    contract: [{ file: "work_service.proto", at: "Artifact.path", says: "Never write to it." }],
    async run(bench) {
      const { job, sourceName, path, bytes: before } = await bench.begin("plain", "untouched", { withPaths: true });
      await bench.ended(job, sourceName);
      const after = await readFile(path);
      if (!after.equals(before))
        throw new Broken(`the film had ${before.length} bytes, and ${after.length} others after the attempt`);
      return "the film is the same, byte for byte";
    },
  },
];
