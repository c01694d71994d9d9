import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Artifact, Completed, FinishAnswer } from "@heimdex/contracts/stage/v1/work_service";
import type { Bench, Indexed } from "../bench.ts";
import { Broken, type Check, DoesNotApply } from "../check.ts";
import type { Ended } from "../sightings.ts";
import { RENEW_EVERY_MS } from "../times.ts";
import { doneTooLate, longFilm } from "./leases.ts";

const INLINE_BYTES = 256 * 1024;
const INLINE_BYTES_A_CALL = 3 * 1024 * 1024;

function completed({ finish }: Ended): Completed | undefined {
  return finish?.outcome?.$case === "completed" ? finish.outcome.value : undefined;
}

/** What a plain film gave. Throws DoesNotApply when the stage failed on it. */
async function ordinaryOutputs(bench: Bench): Promise<{ indexed: Indexed; last: Ended; outputs: readonly Artifact[] }> {
  const indexed = await bench.ordinary();
  const last = indexed.attempts.at(-1);
  const value = last === undefined ? undefined : completed(last);
  if (last === undefined || value === undefined) {
    const failed = last?.finish?.outcome?.$case === "failed" ? last.finish.outcome.value : undefined;
    throw new Broken(
      `a plain film of three seconds was not completed: ${failed === undefined ? indexed.step.reason : `${failed.kind} ${failed.reason}: ${failed.message}`}`,
    );
  }
  return { indexed, last, outputs: value.outputs };
}

/** What an artifact says of itself and is not so; undefined when all fits. */
function artifactFault(artifact: Artifact): string | undefined {
  const { port, sha256, size, content } = artifact;
  if (!/^[0-9a-f]{64}$/.test(sha256)) return `the sha256 of ${port} is not 64 lower-case hexadecimal digits`;
  if (content?.$case === "upload") return undefined;
  if (content?.$case !== "inline") return `${port} has neither inline bytes nor the number of an upload`;
  const { length } = content.value;
  if (length !== size) return `${port} says ${size} bytes and brings ${length}`;
  if (createHash("sha256").update(content.value).digest("hex") !== sha256)
    return `${port} brings bytes with another sha256 than it says`;
  return undefined;
}

export const outputs: readonly Check[] = [
  {
    id: "HX-STG-020",
    title: "puts out what its manifest declares",
    proves: "each required port is there once, with the media type, size and sha256 that were said",
    contract: [
      {
        file: "work_service.proto",
        at: "Completed.outputs",
        says: "What it puts out. Each required output port once; lists in order.",
      },
      {
        file: "work_service.proto",
        at: "Artifact.sha256",
        says: "SHA-256 of the bytes, 64 lower-case hexadecimal digits.",
      },
    ],
    async run(bench) {
      const { outputs: artifacts } = await ordinaryOutputs(bench);
      const declared = new Map(bench.manifest.outputs.map((port) => [port.name, port]));
      for (const artifact of artifacts) {
        const port = declared.get(artifact.port);
        if (port === undefined)
          throw new Broken(`it put out something on ${artifact.port}, a port the manifest does not have`);
        if (artifact.mediaType !== port.mediaType)
          throw new Broken(`${port.name} is declared ${port.mediaType} and was ${artifact.mediaType || "nothing"}`);
        const fault = artifactFault(artifact);
        if (fault !== undefined) throw new Broken(fault);
      }
      for (const { name, many, optional } of declared.values()) {
        const count = artifacts.filter(({ port }) => port === name).length;
        if (!many && count > 1) throw new Broken(`${count} artifacts on ${name}, which is one`);
        if (!many && !optional && count === 0) throw new Broken(`nothing on ${name}, which is required`);
      }
      return `${artifacts.length} artifacts on ${new Set(artifacts.map(({ port }) => port)).size} ports`;
    },
  },
  {
    id: "HX-STG-021",
    title: "puts out layers that fit their schema",
    proves: "what it finds can be read by everybody else, and stands in the sidecar",
    contract: [
      {
        file: "work_service.proto",
        at: "FinishAnswer.Result.REFUSED",
        says: "An output is not what was declared: the attempt counts as failed, nothing of it is kept.",
      },
      {
        file: "stage.proto",
        at: "Port.layer_schema",
        says: "Output ports of a custom layer: JSON Schema (2020-12) of the layer as JSON text of at most 64 KiB",
      },
    ],
    async run(bench) {
      const { last, outputs: artifacts } = await ordinaryOutputs(bench);
      if (artifacts.some((artifact) => artifactFault(artifact) !== undefined))
        throw new DoesNotApply("the artifacts are not what they say");
      if (last.answer === undefined) throw new Broken("the server did not answer the result");
      if (last.answer.result !== "ACCEPTED")
        throw new Broken(`the server refused the result: ${last.answer.reason}: ${last.answer.message}`);
      return "accepted";
    },
  },
  {
    id: "HX-STG-022",
    title: "sends at most 256 KiB inline, and 3 MiB a call",
    proves: "no result is too large for a message",
    contract: [
      { file: "work_service.proto", at: "Artifact.inline", says: "at most 256 KiB, and 3 MiB a call." },
      {
        file: "work_service.proto",
        at: "WorkService.FinishLeases",
        says: "At most 256 entries and 3 MiB of inline outputs.",
      },
    ],
    async run(bench) {
      await bench.ordinary();
      await longFilm(bench);
      let largest = 0;
      for (const { request } of bench.recorder.of("finishLeases")) {
        let together = 0;
        for (const { outcome } of request.finishes) {
          if (outcome?.$case !== "completed") continue;
          for (const { port, content } of outcome.value.outputs) {
            if (content?.$case !== "inline") continue;
            if (content.value.length > INLINE_BYTES)
              throw new Broken(`${content.value.length} bytes of ${port} were sent inline`);
            largest = Math.max(largest, content.value.length);
            together += content.value.length;
          }
        }
        if (together > INLINE_BYTES_A_CALL) throw new Broken(`one FinishLeases call held ${together} bytes inline`);
      }
      return `at most ${largest} bytes inline`;
    },
  },
  {
    id: "HX-STG-023",
    title: "uploads what is larger",
    proves: "outputs of any size arrive whole",
    contract: [
      {
        file: "work_service.proto",
        at: "Artifact.upload",
        says: "number of the upload that brought them (CreateUploads).",
      },
      { file: "work_service.proto", at: "Upload.url", says: "Signed URL: PUT the bytes there with Content-Length." },
    ],
    async run(bench) {
      await bench.ordinary();
      await longFilm(bench);
      const sent = bench.seen.given().flatMap(({ lease }) => bench.seen.finishesOf(lease.lease));
      let count = 0;
      for (const { finish, answer } of sent) {
        const uploads = (finish.outcome?.$case === "completed" ? finish.outcome.value.outputs : []).filter(
          ({ content }) => content?.$case === "upload",
        );
        if (uploads.length === 0 || answer === undefined || answer.result === "SUPERSEDED") continue;
        if (answer.result !== "ACCEPTED")
          throw new Broken(`a result with uploads was refused: ${answer.reason}: ${answer.message}`);
        count += uploads.length;
      }
      if (count === 0)
        throw new DoesNotApply("nothing the stage puts out of ten minutes of film is larger than 256 KiB");
      return `${count} uploads`;
    },
  },
  {
    id: "HX-STG-024",
    title: "says once how a lease ended",
    proves: "an answered result is done with",
    contract: [
      { file: "work_service.proto", at: "WorkService.FinishLeases", says: "Each entry is answered by itself" },
      {
        file: "work_service.proto",
        at: "FinishAnswer.Result.ACCEPTED",
        says: "Recorded; it survives a crash of the server.",
      },
    ],
    async run(bench) {
      // A worker may repeat what it was not heard to be answered, and whether an answer reached it is not seen from here: on a slow machine one may
      // not. Only leases no other check has meddled with are looked at, and it is the fault of the worker that does it on each of two films.
      const again = await finishedAgain(bench, (await bench.ordinary()).job);
      if (again === undefined) return "no lease finished twice";
      const { job } = await bench.index("plain", "finished once");
      if ((await finishedAgain(bench, job)) === undefined) return "a lease finished twice, once of two films";
      throw new Broken(`it finished a lease again that had been answered ${again.result}`);
    },
  },
  {
    id: "HX-STG-025",
    title: "gives the same bytes for the same inputs",
    proves: "what is behind the stage need not run again when nothing has changed",
    contract: [
      { file: "stage.proto", at: "Manifest.deterministic", says: "The same inputs always give the same bytes." },
    ],
    async run(bench) {
      if (!bench.manifest.deterministic)
        throw new DoesNotApply("the manifest does not say that the stage is deterministic");
      const runs = (await doneTooLate(bench)).flatMap((attempt) => completed(attempt) ?? []);
      const [first, second] = runs.map((run) => run.outputs.map(({ port, sha256 }) => `${port} ${sha256}`));
      if (first === undefined || second === undefined) throw new DoesNotApply("there were no two runs to compare");
      const differing = first.find((line, at) => line !== second[at]) ?? second[first.length];
      if (differing !== undefined)
        throw new Broken(`two runs on the same inputs put out other bytes on ${differing.split(" ")[0]}`);
      return `two runs, ${first.length} artifacts with equal digests`;
    },
  },
];

/** What a job's lease had been answered that the worker then finished again. */
async function finishedAgain(bench: Bench, job: string): Promise<FinishAnswer | undefined> {
  await delay(RENEW_EVERY_MS); // for what it should not say
  for (const { lease } of bench.seen.given(job)) {
    const [first, again] = bench.seen.finishesOf(lease.lease).filter(({ answer }) => answer !== undefined);
    if (first !== undefined && again !== undefined && again.call.atMs > (first.call.endMs ?? 0)) return first.answer;
  }
  return undefined;
}
