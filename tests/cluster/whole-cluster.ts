import assert from "node:assert/strict";
import { LanceMomentIndex, s3StorageOptions } from "@heimdex/adapters-lancedb";
import { S3Blobs } from "@heimdex/adapters-minio";
import { type Job, Job_State, Step_State } from "@heimdex/contracts/v1/job";
import type { IndexedMoment } from "@heimdex/ports";
import { ANALYZER_ID, analyze, momentsOf } from "@heimdex/search";
import { checkSidecar, type Sidecar } from "@heimdex/sidecar";
import type { ComposeCluster } from "@heimdex/testing-servers";

const TENANT = "default";
const BUCKET = "heimdex";
/** As the index is laid out in the bucket of the blobs. */
const INDEX = `s3://${BUCKET}/.index`;
const ALL = 1_000_000;
const ENDS: ReadonlySet<Job_State> = new Set([Job_State.SUCCEEDED, Job_State.PARTIAL, Job_State.FAILED]);

/** Whatever happened to a cluster's containers: each accepted job has ended, with a reason unless all went well; each asset has one sidecar; the index holds what the
 * sidecars say, each moment once; and no process let a rejection go unhandled.
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

  const unhandled = (await cluster.logs()).split("\n").filter((line) => /unhandled|uncaught/i.test(line));
  assert.deepEqual(unhandled, [], "no process let a rejection go unhandled");
}

function momentOf({ id, spoken, written, revision }: IndexedMoment) {
  return { id, spoken, written, revision };
}
