import type { Manifest } from "@heimdex/contracts/stage/v1/stage";
import { Broken, type Check, DoesNotApply } from "../check.ts";
import { FIRST_RENEWAL_MS, RECOVER_MS, RENEW_EVERY_MS } from "../times.ts";
import { exitText } from "../worker-process.ts";

/** How long an attempt that is told to stop may take to do so. */
const STOP_MS = 7_500;
/** How long a worker may take to leave. */
const LEAVE_MS = 15_000;

export const endings: readonly Check[] = [
  {
    id: "HX-STG-018",
    title: "stops a cancelled attempt and gives its lease back",
    proves: "what a person cancels ends within one renewal, without costing the step an attempt",
    contract: [
      {
        file: "work_service.proto",
        at: "RenewalAnswer.Verdict.CANCEL",
        says: "The job was cancelled: stop, and finish with `released`.",
      },
    ],
    async run(bench) {
      const held = await bench.hold("cancelled");
      const id = held.lease.lease;
      try {
        await bench.server.cancelJob(held.job);
        const isTold = () =>
          bench.seen
            .renewalsOf(id)
            .find(({ answer }) => answer?.answers.some(({ lease, verdict }) => lease === id && verdict === "CANCEL"));
        const told = await bench.until(isTold, RECOVER_MS);
        if (told === undefined) throw new DoesNotApply("the lease was not renewed: the worker could not be told");
        const toldMs = told.endMs ?? performance.now();
        const finish = await bench.until(() => bench.seen.finishesOf(id)[0], STOP_MS);
        if (finish === undefined) throw new Broken(`it was told to cancel and said nothing for ${STOP_MS / 1000} s`);
        const how = finish.finish.outcome?.$case;
        if (how !== "released") throw new Broken(`it was told to cancel and finished the lease as ${how ?? "nothing"}`);
        return `released ${Math.round(finish.call.atMs - toldMs)} ms after it was told`;
      } finally {
        bench.gate.release(held.sourceName);
      }
    },
  },
  {
    id: "HX-STG-019",
    title: "ends what it holds and closes the session when the server drains it",
    proves: "a server can be taken away without losing work",
    contract: [
      {
        file: "work_service.proto",
        at: "RenewLeasesResponse.drain",
        says: "The server wants the session to finish what it holds and close.",
      },
      {
        file: "work_service.proto",
        at: "AcquireLeasesResponse.drain",
        says: "The server wants the session to finish what it holds and close.",
      },
    ],
    async run(bench) {
      const held = await bench.hold("drained");
      const { session } = held;
      const isTold = () =>
        bench.recorder.of("renewLeases", drainedMs).some((call) => call.session === session && call.answer?.drain);
      const drainedMs = performance.now();
      bench.recorder.draining.add(session);
      await bench.until(isTold, FIRST_RENEWAL_MS + RENEW_EVERY_MS);
      bench.gate.release(held.sourceName);
      const isClosed = () => bench.recorder.of("closeSession").find((call) => call.session === session);
      const closed = await bench.until(isClosed, RECOVER_MS);
      if (closed === undefined)
        throw new Broken(`it was told to drain and did not close its session within ${RECOVER_MS / 1000} s`);
      const finish = bench.seen.finishesOf(held.lease.lease)[0];
      if (finish === undefined || finish.call.atMs > closed.atMs)
        throw new Broken("it closed its session without having said how its lease ended");
      const back = await bench.until(() => bench.seen.session !== session && bench.seen.isPolling(), RECOVER_MS);
      if (back === undefined) throw new Broken("it closed its session, and did not ask for work in a new one");
      return `lease ${finish.finish.outcome?.$case}, session closed, back in a new one`;
    },
  },
  {
    id: "HX-STG-033",
    title: "gives its work back and leaves on SIGTERM",
    proves:
      "a worker can be stopped at any time: its steps go to others at once, and whoever supervises it sees no failure",
    contract: [
      {
        file: "work_service.proto",
        at: "Finish.released",
        says: "Given back unharmed: shutdown or cancellation. Costs the step no attempt.",
      },
      {
        file: "work_service.proto",
        at: "WorkService.CloseSession",
        says: "Ends the session. Leases still held are given back (RELEASED).",
      },
    ],
    async run(bench) {
      const held = await bench.hold("sigterm");
      const beganMs = performance.now();
      bench.worker.terminate();
      try {
        await bench.until(() => bench.worker.exit !== undefined, LEAVE_MS);
        const { exit } = bench.worker;
        if (exit === undefined) throw new Broken(`it was still there ${LEAVE_MS / 1000} s after SIGTERM`);
        const closed = bench.recorder.of("closeSession").some(({ session }) => session === held.session);
        const finish = bench.seen.finishOf(held.lease.lease);
        if (finish === undefined && !closed) throw new Broken(`it ${exitText(exit)} without giving its lease back`);
        if (finish?.outcome?.$case === "failed") throw new Broken("it gave its lease back as failed, not as released");
        if (!closed) throw new Broken(`it ${exitText(exit)} without closing its session`);
        if (exit.code !== 0) throw new Broken(`it gave its work back and ${exitText(exit)}, not 0${bench.said()}`);
        return `gone after ${((performance.now() - beganMs) / 1000).toFixed(1)} s, exit code 0`;
      } finally {
        bench.gate.release(held.sourceName);
        await bench.stop();
        await bench.server.cancelJob(held.job);
      }
    },
  },
  {
    id: "HX-STG-034",
    title: "registers the same manifest each time",
    proves: "a worker can be started again, and several can serve one stage",
    contract: [
      {
        file: "stage.proto",
        at: "Manifest",
        says: "the same name and version with another digest is refused with MANIFEST_CHANGED.",
      },
      { file: "stage_registry_service.proto", at: "StageRegistryService.RegisterStage", says: "Idempotent." },
    ],
    async run(bench) {
      if (bench.starts < 2) await bench.start();
      const [first, ...others] = bench.seen.registrations().flatMap(({ request }) => request.manifest ?? []);
      for (const other of others) {
        const [field] = first === undefined ? [] : differences(first, other);
        if (field !== undefined) throw new Broken(`it registered another manifest later: ${field} differs`);
      }
      return `${others.length + 1} registrations in ${bench.starts} runs, all alike`;
    },
  },
];

/** Fields of two manifests that are not the same. */
function differences(before: Manifest, after: Manifest): string[] {
  return (Object.keys(before) as (keyof Manifest)[]).filter(
    (field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]),
  );
}
