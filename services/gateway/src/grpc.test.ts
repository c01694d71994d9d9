import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { create, createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { AssetServiceDefinition } from "@heimdex/contracts/v1/asset";
import { JobServiceDefinition } from "@heimdex/contracts/v1/job";
import { SidecarServiceDefinition } from "@heimdex/contracts/v1/sidecar";
import { errorClientMiddleware, HeimdexError } from "@heimdex/errors";
import { createChannel, createClient, createClientFactory, Metadata } from "nice-grpc";
import { HealthDefinition } from "nice-grpc-server-health";
import { ServerReflectionService } from "nice-grpc-server-reflection";
import reflectionMessages from "nice-grpc-server-reflection/lib/proto/grpc/reflection/v1/reflection_pb.js";
import { asset, openGateway, type TestGateway } from "./testing.ts";

const { ServerReflectionRequest } = reflectionMessages;

function channelOf(t: TestContext, gateway: TestGateway) {
  const channel = createChannel(gateway.grpcAddress);
  t.after(() => channel.close());
  return channel;
}

const failsWith = (id: string) => (error: unknown) => error instanceof HeimdexError && error.id === id;

test("gRPC answers with messages and with errors of ours", async (t) => {
  const gateway = await openGateway(t);
  const assets = createClientFactory().use(errorClientMiddleware).create(AssetServiceDefinition, channelOf(t, gateway));
  await gateway.storeAsset(asset("a_1"));
  assert.equal((await assets.getAsset({ asset: "a_1" })).title, "harbour.mp4");
  await assert.rejects(assets.getAsset({ asset: "a_2" }), failsWith("ASSET_NOT_FOUND"));
  await assert.rejects(assets.listAssets({ pageSize: 5000, pageToken: "x" }), (error: HeimdexError) => {
    assert.deepEqual(error.fields.map(({ field }) => field).sort(), ["page_size", "page_token"]);
    return error.id === "INVALID_ARGUMENT";
  });
});

test("the health of the server and of each service", async (t) => {
  const gateway = await openGateway(t);
  const health = createClient(HealthDefinition, channelOf(t, gateway));
  for (const service of ["", "heimdex.v1.AssetService", "heimdex.v1.SearchService"])
    assert.equal((await health.check({ service })).status, 1, service);
});

test("who watches its health is told first when it stops, and does not hold it up", async (t) => {
  const gateway = await openGateway(t, { drainMs: 60_000 });
  const watch = createClient(HealthDefinition, channelOf(t, gateway)).watch({ service: "" });
  const seen: number[] = [];
  let stopped: PromiseLike<void> | undefined;
  for await (const { status } of watch) {
    seen.push(status);
    stopped ??= gateway[Symbol.asyncDispose]();
  }
  assert.deepEqual(seen, [1, 2]);
  await stopped;
});

/** What grpcurl does: lists the services, then fetches the file of each with all it imports. */
test("reflection gives a client all it needs to call every service", async (t) => {
  const gateway = await openGateway(t);
  const reflection = createClient(ServerReflectionService, channelOf(t, gateway));
  const answers = async (fill: (request: InstanceType<typeof ServerReflectionRequest>) => void) => {
    const request = new ServerReflectionRequest();
    fill(request);
    for await (const answer of reflection.serverReflectionInfo(
      (async function* () {
        yield request;
      })(),
    ))
      return answer;
    throw new Error("no answer");
  };
  const listed = await answers((request) => request.setListServices("*"));
  const names =
    listed
      .getListServicesResponse()
      ?.getServiceList()
      .map((service) => service.getName()) ?? [];
  assert.deepEqual(names.sort(), [
    "heimdex.v1.AssetService",
    "heimdex.v1.JobService",
    "heimdex.v1.KeyService",
    "heimdex.v1.SearchService",
    "heimdex.v1.SidecarService",
    "heimdex.v1.SourceService",
    "heimdex.v1.StageService",
    "heimdex.v1.SystemService",
    "heimdex.v1.UploadService",
  ]);
  const known = new Map<string, FileDescriptorProto>();
  const fetchFile = async (fill: Parameters<typeof answers>[0]): Promise<void> => {
    const files = (await answers(fill)).getFileDescriptorResponse()?.getFileDescriptorProtoList_asU8() ?? [];
    for (const bytes of files) {
      const file = fromBinary(FileDescriptorProtoSchema, bytes);
      // An import comes before what imports it.
      for (const name of file.dependency)
        if (!known.has(name)) await fetchFile((request) => request.setFileByFilename(name));
      known.set(file.name, file);
    }
  };
  for (const name of names) await fetchFile((request) => request.setFileContainingSymbol(name));
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [...known.values()] }));
  for (const name of names) assert.ok(registry.getService(name), name);
});

test("without reflection configured there is none", async (t) => {
  const gateway = await openGateway(t, { reflection: false });
  const reflection = createClient(ServerReflectionService, channelOf(t, gateway));
  const call = reflection.serverReflectionInfo(
    (async function* () {
      yield new ServerReflectionRequest();
    })(),
  );
  await assert.rejects(call[Symbol.asyncIterator]().next(), /UNIMPLEMENTED/);
});

test("the server keeps the caller's deadline", async (t) => {
  const gateway = await openGateway(t);
  const jobs = createClient(JobServiceDefinition, channelOf(t, gateway));
  const freed = Promise.withResolvers<void>();
  await gateway.ports.bus.respond("api.JobService.CreateJob", () => new Promise(() => {}));
  const { request } = gateway.ports.bus;
  t.mock.method(gateway.ports.bus, "request", async (...call: Parameters<typeof request>) => {
    call[2].signal?.addEventListener("abort", () => freed.resolve());
    return request.apply(gateway.ports.bus, call);
  });
  // As a header of its own, so that this client has no deadline that could end the call from its side.
  const metadata = Metadata({ "grpc-timeout": "50m" });
  await assert.rejects(jobs.createJob({ sourceUri: "file:///a.mp4" }, { metadata }), /DEADLINE_EXCEEDED/);
  await freed.promise;
});

test("a sidecar above 3 MiB is for HTTP only, and the error says where", async (t) => {
  const gateway = await openGateway(t);
  const sidecars = createClientFactory()
    .use(errorClientMiddleware)
    .create(SidecarServiceDefinition, channelOf(t, gateway));
  const large = Buffer.from(`{"text":"${"x".repeat(3 * 1024 * 1024)}"}`);
  await gateway.ports.blobs.putNamed("default", "sidecars/a_1/1.json", large);
  await gateway.ports.blobs.putNamed("default", "sidecars/a_1/2.json", Buffer.from("{}"));
  await gateway.storeAsset(asset("a_1", { sidecarRevision: 2 }));
  assert.equal((await sidecars.getSidecar({ asset: "a_1" })).data.toString(), "{}");
  await assert.rejects(sidecars.getSidecar({ asset: "a_1", revision: 1 }), (error: HeimdexError) => {
    assert.match(error.help, /GET \/v1\/assets\/a_1\/sidecar/);
    return error.code === "RESOURCE_EXHAUSTED";
  });
  const reply = await fetch(`http://${gateway.httpAddress}/v1/assets/a_1/sidecar?revision=1`);
  assert.equal((await reply.arrayBuffer()).byteLength, large.length);
});

test("a page that would not fit in a message ends early and goes on", async (t) => {
  const gateway = await openGateway(t);
  const assets = createClient(AssetServiceDefinition, channelOf(t, gateway));
  const sources = Array.from({ length: 500 }, (_, i) => ({
    uri: `file:///${"f".repeat(300)}/${i}.mp4`,
    size: 1,
    modifiedMs: 1,
    missing: false,
  }));
  const stored = 25;
  for (let i = 0; i < stored; i++) {
    const record = asset(`a_${i}`, { sources });
    await gateway.store("assets", record.id, record, ["tenant:default"], String(i).padStart(4, "0"));
  }
  const sizes: number[] = [];
  for (let pageToken = ""; ; ) {
    const page = await assets.listAssets({ pageSize: 1000, pageToken });
    sizes.push(page.assets.length);
    pageToken = page.nextPageToken;
    if (pageToken === "") break;
  }
  assert.equal(
    sizes.reduce((sum, size) => sum + size),
    stored,
  );
  assert.ok(sizes.length > 1);
});
