import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createFileRegistry, type DescMethod, fromBinary, getOption } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { type Caller, type Level, newSecret, ROLES, reaches } from "@heimdex/access";
import { descriptorSet } from "@heimdex/contracts";
import { ACCESS } from "@heimdex/gateway";
import { type UploadRecord, uploadDocument, uploadId } from "@heimdex/kernel";
import {
  grpcCall,
  grpcClient,
  type HttpCall,
  httpCall,
  namesAnything,
  normalized,
  rawCall,
  type Seen,
  type Values,
} from "./call.fixture.ts";
import { openPlatform } from "./platform.fixture.ts";

const contract = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet()));
const methods: DescMethod[] = [...contract].flatMap((type) =>
  type.kind === "service" && type.typeName.startsWith("heimdex.") ? type.methods : [],
);
const nameOf = (method: DescMethod) => `${method.parent.typeName}.${method.name}`;
const isOfWorkers = (method: DescMethod) => method.parent.typeName.startsWith("heimdex.stage.");

interface Route extends HttpCall {
  readonly name: string;
  readonly level: Level | undefined;
}

/** Every route: those of annotated methods, and those that HTTP alone has. */
const routes: Route[] = [
  ...methods.flatMap((method) => {
    const extension = contract.getExtension("google.api.http");
    if (extension === undefined || method.proto.options === undefined) return [];
    const rule = getOption(method, extension) as { pattern: { case?: string; value?: string } };
    const { case: verb, value: template } = rule.pattern;
    if (verb === undefined || template === undefined) return [];
    const query =
      template === "/v1/search" ? { query: "like={like}" } : template === "/v1/jobs" ? { query: "asset={asset}" } : {};
    const name = `${verb.toUpperCase()} ${template}`;
    return [
      { name, verb: verb.toUpperCase(), template, level: ACCESS[nameOf(method)], ...(verb === "get" ? query : {}) },
    ];
  }),
  ...Object.entries(ACCESS).flatMap(([name, level]) => {
    const [, verb, template] = /^(GET|PUT) (\/.*)$/.exec(name) ?? [];
    if (verb === undefined || template === undefined) return [];
    return [{ name, verb, template, level, ...(template.includes("{sha256}") ? { query: "size={size}" } : {}) }];
  }),
];

/** Something of everything that belongs to the tenant `acme`, and names of the same form for what does not exist. */
async function open(t: TestContext) {
  const platform = await openPlatform(t);
  const { ports, issue, index, keep, gateway, orchestrator } = platform;
  const film = await index("acme", "merger.bin", "a secret of acme's");
  const blob = await keep("acme", "bytes of acme's");
  const moment = "moment_00112233aabbccdd";
  const row = {
    id: moment,
    tenant: "acme",
    asset: film.asset,
    revision: 1_000,
    start_ms: 0,
    end_ms: 1_000,
    spoken: "the secret merger",
    written: "",
    described: "",
    names: "",
    custom: "",
    facets: new Map(),
    numbers: new Map(),
    labels: [],
    languages: [],
    title: "merger.bin",
    source: film.uri,
    recorded_ms: undefined,
    instants: "",
    vectors: new Map([["space", [Float32Array.of(1, 0)]]]),
  };
  await ports.index.replaceAssets([{ tenant: "acme", asset: film.asset, revision: 1_000, rows: [row] }]);
  const theirKey = await issue("acme", "viewer");
  const upload = uploadId("ab".repeat(32), 1_234);
  const announced: UploadRecord = {
    ...{ upload, tenant: "acme", sha256: "ab".repeat(32), size: 1_234, name: "merger.mp4" },
    ...{ present: false, brought: false, job: "", expiresAtMs: Date.now() + 3_600_000 },
  };
  await ports.catalog.write([{ op: "put", ...uploadDocument(announced) }]);
  const existing: Values = {
    asset: film.asset,
    job: film.job,
    key: theirKey.record.id,
    like: moment,
    moment,
    sha256: blob.sha256,
    size: String(blob.size),
    upload,
  };
  const other = (text: string) => text.replaceAll(/[0-9a-f](?=[0-9a-f]*$)/g, (digit) => (digit === "f" ? "e" : "f"));
  const missing: Values = {
    ...Object.fromEntries(Object.entries(existing).map(([n, v]) => [n, other(v)])),
    size: existing.size ?? "",
    upload: uploadId("cd".repeat(32), 1_234),
  };
  for (const [name, value] of Object.entries(missing)) assert.ok(name === "size" || value !== existing[name], name);
  const api = grpcClient(gateway.grpcAddress);
  const workers = grpcClient(orchestrator.workerAddress);
  t.after(() => {
    api.close();
    workers.close();
  });
  const call = (method: DescMethod, values: Values, key?: string): Promise<Seen> =>
    grpcCall(isOfWorkers(method) ? workers : api, method, values, key);
  const ask = (route: Route, values: Values, key?: string): Promise<Seen> =>
    httpCall(gateway.httpAddress, route, values, key);
  /** The answers about what exists and about what does not, which must be one. */
  const same = async (what: string, answer: (values: Values) => Promise<Seen>): Promise<Seen> => {
    const [theirs, nothing] = [await answer(existing), await answer(missing)];
    assert.equal(normalized(theirs, existing), normalized(nothing, missing), what);
    return theirs;
  };
  return { ...platform, film, existing, missing, call, ask, same };
}

test("who may call is written for every method and route of the API, and for nothing else", () => {
  const api = methods.filter((method) => !isOfWorkers(method)).map(nameOf);
  const others = ["GET ", "PUT ", "grpc.health.v1.Health.", "grpc.reflection.v1.ServerReflection."];
  const listed = Object.keys(ACCESS).filter((name) => !others.some((prefix) => name.startsWith(prefix)));
  assert.deepEqual(listed.toSorted(), api.toSorted());
  assert.ok(routes.every(({ level }) => level !== undefined));
});

test("without a key that is good nothing is answered but that, whatever is asked for", async (t) => {
  const { call, ask, same, issue, keys } = await open(t);
  const revoked = await issue("acme", "admin");
  await keys.revoke(revoked.record.id, "acme");
  const expired = await issue("acme", "admin", 1);
  const bad = { none: undefined, unknown: newSecret(), revoked: revoked.secret, expired: expired.secret, odd: "x" };
  for (const [kind, key] of Object.entries(bad)) {
    for (const method of methods) {
      // A worker's session names itself: that it is not known is all that is told.
      const seen = await same(`${nameOf(method)}, ${kind}`, (values) => call(method, values, key));
      assert.match(seen, /"code":16,.*UNAUTHENTICATED/, nameOf(method));
    }
    for (const route of [...routes, { name: "nothing", verb: "GET", template: "/v1/nothing", level: undefined }]) {
      const seen = await same(`${route.name}, ${kind}`, (values) => ask(route, values, key));
      const { status } = JSON.parse(seen) as { status: number };
      assert.equal(status, route.level === "public" ? 200 : 401, route.name);
    }
  }
});

test("without a key a probe learns whether a server is up, and the contract is nobody's to read", async (t) => {
  const { gateway, orchestrator, issue } = await openPlatform(t);
  const { secret } = await issue("acme", "viewer");
  for (const [address, withKey] of [
    [gateway.grpcAddress, 0],
    [orchestrator.workerAddress, 12], // there is none
  ] as const) {
    const client = grpcClient(address);
    t.after(() => client.close());
    const health = "/grpc.health.v1.Health/Check";
    assert.deepEqual(await rawCall(client, health, Buffer.alloc(0), undefined), { code: 0, reply: Buffer.of(8, 1) });
    const reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    const list = Buffer.from([0x3a, 1, 0x2a]); // list_services: "*"
    const refused = (await rawCall(client, reflection, list, undefined)).code;
    assert.equal(refused, withKey === 0 ? 16 : 12);
    assert.equal((await rawCall(client, reflection, list, secret)).code, withKey);
  }
});

test("a role that is too low is told so before anything is looked at; one that reaches is not", async (t) => {
  const { call, ask, same, issue, missing } = await open(t);
  for (const role of ROLES) {
    const { secret } = await issue("acme", role);
    const caller: Caller = { key: "", role, tenant: "acme", stages: [] };
    for (const method of methods.filter((each) => !isOfWorkers(each))) {
      const name = nameOf(method);
      if (reaches(caller, ACCESS[name] ?? "stage")) {
        assert.doesNotMatch(await call(method, missing, secret), /"code":(7|16),/, `${role}: ${name}`);
        continue;
      }
      const seen = await same(`${role}: ${name}`, (values) => call(method, values, secret));
      assert.match(seen, /"code":7,.*PERMISSION_DENIED/, `${role}: ${name}`);
    }
    for (const route of routes) {
      if (reaches(caller, route.level ?? "stage")) {
        assert.doesNotMatch(await ask(route, missing, secret), /"status":(401|403),/, `${role}: ${route.name}`);
        continue;
      }
      const seen = await same(`${role}: ${route.name}`, (values) => ask(route, values, secret));
      assert.match(seen, /"status":403,/, `${role}: ${route.name}`);
    }
  }
});

test("what is another tenant's is answered as what does not exist, and stays as it is", async (t) => {
  const { call, ask, same, issue, existing, film, ports } = await open(t);
  const own = await issue("acme", "admin");
  const search = {
    name: "search",
    verb: "GET",
    template: "/v1/search",
    query: "query=secret+merger",
    level: "viewer",
  } as const;
  const finds = async () =>
    assert.ok((await ask(search, {}, own.secret)).includes(film.asset), "its own tenant finds it");
  await finds();
  const before = await ports.catalog.find({ collection: "jobs", term: "tenant:acme", limit: 10 });
  for (const tenant of ["globex", "default"]) {
    const { secret } = await issue(tenant, "admin");
    // An operator manages the keys of all tenants.
    const isShown = (name: string) => tenant === "default" && /KeyService|\/v1\/keys/.test(name);
    const tells = (seen: Seen) =>
      [existing.asset, existing.job, existing.key, existing.moment, "merger"].filter((word) =>
        seen.includes(word ?? ""),
      );
    for (const method of methods.filter((each) => !isOfWorkers(each))) {
      const name = nameOf(method);
      if (isShown(name)) continue;
      if (namesAnything(method, existing)) await same(`${tenant}: ${name}`, (values) => call(method, values, secret));
      else assert.deepEqual(tells(await call(method, {}, secret)), [], `${tenant}: ${name}`);
    }
    for (const route of routes) {
      if (isShown(route.name)) continue;
      if (/[{]/.test(route.template + (route.query ?? "")))
        await same(`${tenant}: ${route.name}`, (values) => ask(route, values, secret));
      else assert.deepEqual(tells(await ask(route, {}, secret)), [], `${tenant}: ${route.name}`);
    }
    // An operator has just rebuilt the index from sidecars, in which the moment never was.
    if (tenant !== "default") await finds();
  }
  assert.deepEqual(await ports.catalog.find({ collection: "jobs", term: "tenant:acme", limit: 10 }), before);
  for (const route of routes.filter(({ verb, template }) => verb === "GET" && /asset|sha256|\{job\}$/.test(template)))
    assert.match(await ask(route, existing, own.secret), /"status":200,/, route.name);
});

test("a worker's session is nothing to another tenant's worker, and no key of the API opens what workers use", async (t) => {
  const { call, issue, ports } = await open(t);
  const [session] = await ports.catalog.find<{ id: string }>({ collection: "sessions", limit: 1 });
  const values = (id: string): Values => ({ session: id, name: "made.up", lease: "l_1", worker: "w" });
  const missing = "s_0000000000000000ffffffffffff".padEnd(session?.id.length ?? 0, "0").slice(0, session?.id.length);
  const stageMethods = methods.filter(isOfWorkers);
  for (const role of ROLES) {
    const { secret } = await issue("globex", role);
    for (const method of stageMethods) {
      const [theirs, nothing] = await Promise.all(
        [session?.id ?? "", missing].map(async (id) =>
          normalized(await call(method, values(id), secret), { session: id }),
        ),
      );
      assert.equal(theirs, nothing, nameOf(method));
      if (method.name !== "OpenSession") assert.match(theirs ?? "", /"code":16,/, `${role}: ${nameOf(method)}`);
      // A stage key comes as far as to be asked for the protocol's version.
      else assert.match(theirs ?? "", role === "stage" ? /"code":9,.*PROTOCOL_UNSUPPORTED/ : /"code":7,/, role);
    }
  }
});
