import { setTimeout as delay } from "node:timers/promises";
import { HeimdexError } from "@heimdex/errors";
import type { Bench } from "../bench.ts";
import type { Call, Method } from "../call.ts";
import { Broken, type Check } from "../check.ts";
import { RECOVER_MS } from "../times.ts";

/** How long the server cannot be reached. */
const OUTAGE_MS = 3_000;
/** Connections tried in that time beyond which a worker tries without a pause. */
const MOST_TRIES = 45;
/** A cut that leases outlive. */
const HICCUP_MS = 500;

/** Loses the answer to the first call of a method that `isMeant` picks, once the server has done what was asked: all connections break. Answers the call
 * once that has happened. */
async function loseAnswer<M extends Method>(
  bench: Bench,
  method: M,
  isMeant: (call: Call<M>) => boolean,
  provoke: () => Promise<void>,
): Promise<Call<M>> {
  let lost: Call<M> | undefined;
  const end = bench.recorder.intercept(method, {
    after(call) {
      if (lost !== undefined || !isMeant(call)) return;
      lost = call;
      call.isLost = true;
      bench.tcp.cut();
      throw new HeimdexError("UNAVAILABLE", "the connection broke");
    },
  });
  try {
    await provoke();
    const found = await bench.until(() => lost, RECOVER_MS);
    if (found === undefined)
      throw new Broken(`no ${method} call whose answer could be lost came within ${RECOVER_MS / 1000} s`);
    return found;
  } finally {
    end();
  }
}

export const faults: readonly Check[] = [
  {
    id: "HX-STG-013",
    title: "asks again with the same request_id when the answer to AcquireLeases was lost",
    proves: "leases that were given in an answer that never arrived are worked on at once, not after they expired",
    contract: [
      {
        file: "work_service.proto",
        at: "WorkService.AcquireLeases",
        says: "The same `request_id` within a minute gets the same leases again, so that a lost answer loses no task.",
      },
      {
        file: "work_service.proto",
        at: "AcquireLeasesRequest.request_id",
        says: "Random id of this call, repeated when the call is.",
      },
    ],
    async run(bench) {
      let file = { job: "", sourceName: "" };
      const isMeant = ({ answer }: Call<"acquireLeases">) =>
        answer?.leases.some(({ stage }) => stage === bench.seen.stage) === true;
      const lost = await loseAnswer(bench, "acquireLeases", isMeant, async () => {
        file = await bench.begin("plain", "lost-leases");
      });
      if (lost.request.requestId === "") throw new Broken("it sends no request_id");
      const { requestId } = lost.request;
      const { session } = lost;
      const isAgain = (call: Call<"acquireLeases">) => call.request.requestId === requestId;
      const later = () => bench.seen.polls(lost.atMs + 0.001).filter((call) => call.session === session);
      // A poll of its own that was under way besides may come first.
      const again = await bench.until(() => later().find(isAgain), RECOVER_MS / 3);
      if (again === undefined && later().length > 0)
        throw new Broken("after the answer was lost it asked with another request_id: the lease would have to expire");
      const { attempts } = await bench.ended(file.job, file.sourceName);
      if (attempts[0]?.given.lease.epoch !== 1)
        throw new Broken("it asked again and did not work on the lease it was then given");
      return "it asked again and did the lease it had been given";
    },
  },
  {
    id: "HX-STG-014",
    title: "sends a result again when the answer to FinishLeases was lost",
    proves: "a result is only forgotten when the server has said that it has it",
    contract: [
      {
        file: "work_service.proto",
        at: "WorkService.FinishLeases",
        says: "Repeating an entry that was\naccepted is answered ACCEPTED again.",
      },
    ],
    async run(bench) {
      let file = { job: "", sourceName: "" };
      const isMeant = ({ request }: Call<"finishLeases">) =>
        request.finishes.some(({ lease }) => bench.seen.given(file.job).some((given) => given.lease.lease === lease));
      const lost = await loseAnswer(bench, "finishLeases", isMeant, async () => {
        file = await bench.begin("plain", "lost-answer");
      });
      const id = bench.seen.given(file.job)[0]?.lease.lease ?? "";
      const again = await bench.until(() => bench.seen.finishesOf(id).find(({ call }) => call !== lost), RECOVER_MS);
      if (again === undefined)
        throw new Broken(`its result was not sent again within ${RECOVER_MS / 1000} s after the answer was lost`);
      return `sent again ${Math.round(again.call.atMs - (lost.endMs ?? lost.atMs))} ms later`;
    },
  },
  {
    id: "HX-STG-015",
    title: "comes back with pauses when the server was away",
    proves: "the worker outlives an outage by itself, and does not storm a server that comes up",
    contract: [
      {
        file: "work_service.proto",
        at: "WorkService.AcquireLeases",
        says: "An empty answer is normal: ask again.",
      },
    ],
    async run(bench) {
      const sinceMs = performance.now();
      bench.tcp.refuse();
      await delay(OUTAGE_MS);
      const tries = bench.tcp.connectedAtMs.filter((atMs) => atMs >= sinceMs).length;
      bench.tcp.accept();
      const backMs = performance.now();
      const back = await bench.until(() => bench.seen.isPolling() || bench.worker.exit !== undefined, RECOVER_MS);
      if (bench.worker.exit !== undefined) throw new Broken(`it ended when the server was away${bench.said()}`);
      if (back === undefined)
        throw new Broken(`it asked for no work within ${RECOVER_MS / 1000} s after the server was back`);
      if (tries > MOST_TRIES) throw new Broken(`it tried to connect ${tries} times in ${OUTAGE_MS / 1000} s`);
      return `${tries} tries in ${OUTAGE_MS / 1000} s, back after ${Math.round(performance.now() - backMs)} ms`;
    },
  },
  {
    id: "HX-STG-016",
    title: "keeps its work when connections break for less than the lease's time to live",
    proves: "a hiccup of the network costs no attempt",
    contract: [
      {
        file: "work_service.proto",
        at: "WorkService",
        says: "An active one is lost when `lease_ttl` passes without a renewal.",
      },
      {
        file: "work_service.proto",
        at: "OpenSessionResponse.lease_ttl",
        says: "How long a lease lives after a renewal.",
      },
    ],
    async run(bench) {
      const held = await bench.hold("hiccup");
      try {
        const id = held.lease.lease;
        await bench.until(() => bench.seen.renewalsOf(id).find(({ answer }) => answer !== undefined), RECOVER_MS);
        bench.tcp.refuse();
        await delay(HICCUP_MS);
        bench.tcp.accept();
      } finally {
        bench.gate.release(held.sourceName);
      }
      const { attempts } = await bench.ended(held.job, held.sourceName);
      const [first] = attempts;
      if (attempts.length > 1 || first?.finish?.outcome?.$case !== "completed")
        throw new Broken(
          `connections were broken for ${HICCUP_MS} ms; the attempt ended as ${first?.finish?.outcome?.$case ?? "lost"}, and ${attempts.length} leases were needed`,
        );
      return "the attempt was completed in the session it began in";
    },
  },
  {
    id: "HX-STG-017",
    title: "begins anew when the server was started anew in the middle of its work",
    proves: "no restart of the server leaves a worker behind that is busy with what nobody waits for",
    contract: [
      {
        file: "stage_registry_service.proto",
        at: "StageRegistryService.RegisterStage",
        says: "SESSION_UNKNOWN when the session has ended.",
      },
      { file: "work_service.proto", at: "WorkService.AcquireLeases", says: "SESSION_UNKNOWN: open a new session." },
    ],
    async run(bench) {
      const held = await bench.hold("restart", 1);
      try {
        const before = bench.seen.session;
        await bench.restartServer();
        const back = await bench.until(
          () =>
            (bench.seen.session !== before && bench.seen.given(held.job).length > 1) || bench.worker.exit !== undefined,
          RECOVER_MS,
        );
        if (bench.worker.exit !== undefined)
          throw new Broken(`it ended when the server was started anew${bench.said()}`);
        if (back === undefined && bench.seen.session === before)
          throw new Broken(`it did not register again within ${RECOVER_MS / 1000} s after the server was started anew`);
        if (back === undefined)
          throw new Broken("it registered again, and did not take the step again that it had been at work on");
        const { attempts } = await bench.ended(held.job, held.sourceName);
        if (attempts.at(-1)?.finish?.outcome?.$case !== "completed")
          throw new Broken(`the step it took again ended as ${attempts.at(-1)?.finish?.outcome?.$case ?? "lost"}`);
        return "it registered again and did the step again";
      } finally {
        bench.gate.release(held.sourceName);
      }
    },
  },
];
