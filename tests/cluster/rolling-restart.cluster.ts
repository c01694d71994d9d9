import assert from "node:assert/strict";
import { test } from "node:test";
import { MongoCatalog } from "@heimdex/adapters-mongo";
import { JobServiceDefinition } from "@heimdex/contracts/v1/job";
import { SystemServiceDefinition } from "@heimdex/contracts/v1/system";
import { errorClientMiddleware, HeimdexError } from "@heimdex/errors";
import type { Job } from "@heimdex/kernel";
import { readAll } from "@heimdex/ports";
import { defineStage, json, serveStages, source } from "@heimdex/stage-sdk";
import { startTelemetry } from "@heimdex/telemetry";
import { createClientFactory } from "nice-grpc";
import { z } from "zod";
import { until } from "../until.ts";
import { Cluster, target, untilReached } from "./services.fixture.ts";

/** Callers that call all the time. */
const CALLERS = 4;

/** How often each film was looked at, by its content. */
const runs = new Map<string, number>();
const stage = defineStage({
  name: "made.size",
  version: "1.0.0",
  behaviour: 1,
  description: "Says how large a film is.",
  inputs: { source: source() },
  outputs: { size: json("made.size", z.number()) },
  async run({ inputs }) {
    const bytes = await inputs.source.read();
    const film = Buffer.from(bytes).toString("hex");
    runs.set(film, (runs.get(film) ?? 0) + 1);
    return { size: bytes.length };
  },
});

test("each gateway and orchestrator restarted in turn: no call fails, and no step runs twice", async (t) => {
  const cluster = await Cluster.start(t);
  const gateways = [await cluster.service("gateway"), await cluster.service("gateway")];
  const orchestrators = [await cluster.service("orchestrator"), await cluster.service("orchestrator")];
  const stop = new AbortController();
  const serving = serveStages([stage], {
    orchestrator: target(...orchestrators),
    worker: "worker",
    scratch: cluster.scratch,
    signal: stop.signal,
    telemetry: startTelemetry("worker", { logLevel: "silent", otlpEndpoint: "" }),
  });
  cluster.defer(async () => {
    stop.abort();
    await serving;
  });
  const factory = createClientFactory().use(errorClientMiddleware);
  const channel = cluster.channel(...gateways);
  const jobs = factory.create(JobServiceDefinition, channel);
  const system = factory.create(SystemServiceDefinition, channel);
  await until("the stage is served", async () =>
    (await system.getStatus({})).stages.some(({ state }) => state === "ENABLED") ? true : undefined,
  );

  const failed: string[] = [];
  const made: string[] = [];
  let calls = 0;
  let isOver = false;
  const call = async <R>(what: string, make: () => Promise<R>): Promise<R | undefined> => {
    try {
      calls++;
      return await make();
    } catch (reason) {
      const { id, message } = HeimdexError.from(reason);
      failed.push(`${what}: ${id} ${message}`);
      return undefined;
    }
  };
  const calling = Array.from({ length: CALLERS }, async (_, caller) => {
    for (let n = 0; !isOver; n++) {
      const sourceUri = await cluster.film(`${caller}-${n}.bin`);
      const job = await call("CreateJob", () => jobs.createJob({ sourceUri }));
      if (job === undefined) continue;
      made.push(job.job);
      await call("GetJob", () => jobs.getJob({ job: job.job }));
      await call("ListJobs", () => jobs.listJobs({ pageSize: 10 }));
      await call("GetStatus", () => system.getStatus({}));
    }
  });
  /** So that each state of the platform sees some. */
  const moreCalls = async () => {
    const enough = calls + 40;
    await until("more calls are made", async () => (calls >= enough ? true : undefined));
  };
  for (const service of [...gateways, ...orchestrators]) {
    await moreCalls();
    assert.equal(await service.stop(), 0);
    await moreCalls();
    await service.start();
    if (service.name === "gateway") await untilReached(channel, service);
  }
  await moreCalls();
  isOver = true;
  await Promise.all(calling);
  assert.deepEqual(failed, []);

  await using catalog = await MongoCatalog.open({ url: cluster.mongo.url });
  await until("all jobs have ended", async () => ((await catalog.count("jobs", "active")) === 0 ? true : undefined));
  const ended = await Array.fromAsync(readAll<Job>(catalog, { collection: "jobs" }));
  assert.deepEqual(ended.map(({ id }) => id).sort(), made.sort());
  for (const { body } of ended) {
    const [step] = body.steps;
    assert.deepEqual([body.state, step?.failures], ["SUCCEEDED", 0], JSON.stringify(body));
  }
  assert.equal(runs.size, made.length);
  assert.deepEqual([...new Set(runs.values())], [1], "each film is looked at once");
  t.diagnostic(`${calls} calls, ${made.length} jobs`);
});
