import assert from "node:assert/strict";
import { test } from "node:test";
import { type Job, JobServiceDefinition } from "@heimdex/contracts/v1/job";
import { errorServerMiddleware, HeimdexError } from "@heimdex/errors";
import { createChannel, createClient, createServer } from "nice-grpc";
import { callDurations, openMetrics } from "./index.ts";

const { getJob } = JobServiceDefinition.methods;
const service = { name: "JobService", fullName: "heimdex.v1.JobService", methods: { getJob } } as const;

test("a figure that cannot be read is told of, and hides no other", async () => {
  const metrics = await openMetrics("test");
  metrics.meter.createCounter("heimdex_films").add(3, { kind: "b/w" });
  metrics.meter
    .createObservableGauge("heimdex_away")
    .addCallback(() => Promise.reject(new Error("the catalog is away")));
  const errors: string[] = [];
  const text = await metrics.text((reason) => void errors.push(String(reason)));
  assert.match(text, /^heimdex_films_total\{kind="b\/w".*\} 3$/m);
  assert.match(text, /service_name="test"/);
  assert.match(errors.join(), /the catalog is away/);
});

test("gRPC calls are counted by method and the status that the caller gets, and timed", async (t) => {
  const metrics = await openMetrics("test");
  const server = createServer()
    .use(callDurations(metrics))
    .use(errorServerMiddleware(() => {}));
  server.add(service, {
    getJob: async ({ job }: { job?: string }): Promise<Partial<Job>> => {
      if (job === "j_1") return { job };
      throw new HeimdexError("JOB_NOT_FOUND", `there is no job ${job}`);
    },
  });
  const channel = createChannel(`127.0.0.1:${await server.listen("127.0.0.1:0")}`);
  t.after(() => {
    channel.close();
    server.forceShutdown();
  });
  const client = createClient(service, channel);
  await client.getJob({ job: "j_1" });
  await assert.rejects(client.getJob({ job: "j_2" }));
  const text = await metrics.text(assert.ifError);
  for (const [status, calls] of [
    ["OK", 1],
    ["NOT_FOUND", 1],
  ] as const) {
    const labels = `rpc_method="heimdex.v1.JobService/GetJob",rpc_response_status_code="${status}"`;
    assert.match(text, new RegExp(`^rpc_server_call_duration_seconds_count\\{${labels}.*\\} ${calls}$`, "m"));
    assert.match(text, new RegExp(`^rpc_server_call_duration_seconds_bucket\\{${labels}.*le="3600"\\} ${calls}$`, "m"));
  }
});
