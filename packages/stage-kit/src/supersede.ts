import type { Bench } from "./bench.ts";
import type { Given } from "./sightings.ts";

/** Takes a lease away from the worker: the server gives the step to another for a moment, so that what the worker still says of it comes too late. */
export async function supersede({ recorder, seen }: Bench, { lease, session }: Given): Promise<void> {
  const registered = seen.registrations().at(-1)?.request;
  const hello = { protocolVersions: [1], worker: "another", software: "", device: "" };
  const another = await recorder.upstream().work.openSession(hello);
  const { work, registry, options } = recorder.upstream(another.token);
  await registry.registerStage({ ...registered, session: another.session }, options);
  const token = recorder.sessions.find((opened) => opened.session === session)?.token ?? "";
  const value = { reason: "taken away by the kit" };
  const finish = { lease: lease.lease, epoch: lease.epoch, outcome: { $case: "released", value } } as const;
  await work.finishLeases({ session, finishes: [finish] }, recorder.upstream(token).options);
  // The worker itself may have been quicker, with a poll that waited.
  await work.acquireLeases({ session: another.session, slots: [{ stage: seen.stage, count: 1 }] }, options);
  await work.closeSession({ session: another.session }, options);
}
