import assert from "node:assert/strict";
import { LanceMomentIndex, s3StorageOptions } from "@heimdex/adapters-lancedb";
import { S3Blobs } from "@heimdex/adapters-minio";
import { type Job, Job_State, Step_State } from "@heimdex/contracts/v1/job";
import type { ArchiveEvent, IndexedMoment } from "@heimdex/ports";
import { ANALYZER_ID, analyze, momentsOf } from "@heimdex/search";
import { checkSidecar, type Sidecar } from "@heimdex/sidecar";
import { type ComposeCluster, readEvents } from "@heimdex/testing-servers";
import { until } from "../until.ts";

const TENANT = "default";
const BUCKET = "heimdex";
/** As the index is laid out in the bucket of the blobs. */
const INDEX = `s3://${BUCKET}/.index`;
const ALL = 1_000_000;
const ENDS: ReadonlySet<Job_State> = new Set([Job_State.SUCCEEDED, Job_State.PARTIAL, Job_State.FAILED]);

/** Whatever happened to a cluster's containers: each accepted job has ended, with a reason unless all went well; each asset has one sidecar; the index holds what the
 * sidecars say, each moment once; other programs were told of all of it; and no process let a rejection go unhandled.
 * @param cluster started with events.yaml
 * @param accepted ids of all jobs that were accepted, each for a file of its own
 * @param jobs as the API lists them */
export async function assertWholeCluster(
  cluster: ComposeCluster,
  accepted: readonly string[],
  jobs: readonly Job[],
): Promise<void> {
  assert.deepEqual(jobs.map(({ job }) => job).sort(), [...accepted].sort(), "each accepted job, once");
  for (const job of jobs) {
    const { state, reason, steps } = job;
    assert.ok(ENDS.has(state), `${job.job}: ${state}`);
    assert.equal(reason === "", state === Job_State.SUCCEEDED, `${job.job} is ${state} because of "${reason}"`);
    for (const step of steps)
      if (step.state === Step_State.FAILED || step.state === Step_State.SKIPPED)
        assert.match(step.reason, /^[A-Z_]+: ./, `${job.job}: ${step.stage} is ${step.state}`);
  }

  const [accessKey, secretKey] = await Promise.all([
    cluster.secret("blobs-access-key"),
    cluster.secret("blobs-secret-key"),
  ]);
  const options = { endpoint: cluster.store, region: "us-east-1", accessKey, secretKey };
  await using blobs = await S3Blobs.open({ ...options, bucket: BUCKET });
  const storageOptions = s3StorageOptions(options);
  await using index = await LanceMomentIndex.open(INDEX, { analyze, analyzerId: ANALYZER_ID, storageOptions });
  const { rows } = await index.list({ tenant: TENANT }, 0, ALL);
  let moments = 0;
  for (const { job, asset, sidecarRevision } of jobs) {
    if (sidecarRevision === 0) continue; // FAILED before anything could be said
    const names = await blobs.listNamed(TENANT, `sidecars/${asset}/`, undefined, 10);
    assert.deepEqual(names, [`sidecars/${asset}/${sidecarRevision}.json`], `${job} has one sidecar`);
    assert.equal(sidecarRevision, 1);
    const bytes = await blobs.getNamed(TENANT, names[0] as string);
    const sidecar = JSON.parse(Buffer.from(bytes as Uint8Array).toString()) as Sidecar;
    assert.deepEqual(checkSidecar(sidecar), []);
    const said = momentsOf({ asset, media: sidecar.media, layers: sidecar.layers });
    moments += said.length;
    const own = rows.filter((row) => row.asset === asset);
    assert.deepEqual(
      own.map(momentOf),
      said.map(({ id, spoken, written }) => ({ id, spoken, written, revision: 1 })),
      `${job}: the index says what the sidecar says`,
    );
  }
  assert.equal(rows.length, moments, "nothing else is in the index");

  await assertTold(cluster, jobs);

  const unhandled = (await cluster.logs()).split("\n").filter((line) => /unhandled|uncaught/i.test(line));
  assert.deepEqual(unhandled, [], "no process let a rejection go unhandled");
}

/** The log of events has the end of each job, as the API tells it, and that each asset was indexed; now and then twice, and nothing else. */
async function assertTold(cluster: ComposeCluster, jobs: readonly Job[]): Promise<void> {
  const expected = jobs.flatMap(({ job, state, asset, sidecarRevision }) => [
    `${job} ${state}`,
    ...(sidecarRevision > 0 ? [`${asset} revision ${sidecarRevision}`] : []),
  ]);
  const [user, password] = await Promise.all([cluster.secret("bus-user"), cluster.secret("bus-password")]);
  const told = async () => {
    const events = await readEvents<ArchiveEvent>({ url: cluster.bus, user, password }, "heimdex_events");
    const lines = events.map(({ type, subject, data }) => {
      const { state, sidecar_revision: revision } = data as { state?: string; sidecar_revision?: number };
      return type === "heimdex.job.ended" ? `${subject} ${state}` : `${subject} revision ${revision}`;
    });
    return [...new Set(lines)];
  };
  // What NATS missed is told by a sweep.
  await until("all is told", async () => ((await told()).length >= expected.length ? true : undefined));
  assert.deepEqual((await told()).sort(), expected.sort());
}

function momentOf({ id, spoken, written, revision }: IndexedMoment) {
  return { id, spoken, written, revision };
}
