import type { Bench } from "../bench.ts";
import { Broken, type Check } from "../check.ts";
import { RECOVER_MS } from "../times.ts";

/** Has the server forget a session of the worker. */
async function forget({ recorder }: Bench, session: string): Promise<void> {
  const token = recorder.sessions.find((opened) => opened.session === session)?.token ?? "";
  const { work, options } = recorder.upstream(token);
  await work.closeSession({ session }, options);
}

export const registration: readonly Check[] = [
  {
    id: "HX-STG-001",
    title: "opens a session and registers its stage",
    proves: "the server takes the manifest, and knows by which protocol to talk to the worker",
    contract: [
      {
        file: "work_service.proto",
        at: "WorkService.OpenSession",
        says: "Call it first, then StageRegistryService.RegisterStage for each stage.",
      },
      {
        file: "stage_registry_service.proto",
        at: "StageRegistryService.RegisterStage",
        says: "Refuses, naming the field: STAGE_INVALID, MANIFEST_CHANGED, STAGE_CYCLE,",
      },
    ],
    async run(bench) {
      const { name, version, inputs, outputs } = bench.manifest;
      const [opened] = bench.recorder.of("openSession");
      if (opened?.request.protocolVersions.includes(1) !== true)
        throw new Broken("it does not offer protocol version 1");
      return `${name} ${version}, ${inputs.length} input and ${outputs.length} output ports`;
    },
  },
  {
    id: "HX-STG-002",
    title: "opens a new session and registers again when the server has forgotten it",
    proves:
      "a server that was started anew, or has not heard of the worker for long, gets it back without anybody's help",
    contract: [
      {
        file: "work_service.proto",
        at: "WorkService.AcquireLeases",
        says: "SESSION_UNKNOWN: open a new session.",
      },
    ],
    async run(bench) {
      const before = bench.seen.session;
      const sinceMs = performance.now();
      await forget(bench, before);
      const back = await bench.until(() => bench.seen.session !== before && bench.seen.isPolling(), RECOVER_MS);
      if (back !== undefined) return `back in a new session after ${Math.round(performance.now() - sinceMs)} ms`;
      const opened = bench.recorder.of("openSession", sinceMs).length;
      const registered = bench.recorder.of("registerStage", sinceMs).length;
      throw new Broken(
        `within ${RECOVER_MS / 1000} s after its session was forgotten it opened ${opened} sessions, registered ${registered} times and asked for no work${bench.said()}`,
      );
    },
  },
];
