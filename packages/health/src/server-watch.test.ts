import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import { ServerWatch } from "./server-watch.ts";
import { ServiceHealth } from "./service-health.ts";

/** Of grpc.health.v1. */
const [SERVING, NOT_SERVING] = [1, 2];

/** A server that answers, refuses or keeps silent, as the test says. */
class Server {
  fault: string | undefined;
  isSilent = false;
  asked = 0;
  readonly name: string;
  readonly isNeeded: boolean;

  constructor(name: string, isNeeded = true) {
    this.name = name;
    this.isNeeded = isNeeded;
  }

  readonly probe = async (signal: AbortSignal) => {
    this.asked++;
    if (this.isSilent) await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    if (this.fault !== undefined) throw new HeimdexError("CATALOG_UNAVAILABLE", this.fault);
  };
}

function open(t: TestContext, ...servers: Server[]) {
  const lines: string[] = [];
  const note = (fields: object, line?: string) => void lines.push(`${line} ${JSON.stringify(fields)}`);
  const watch = new ServerWatch(servers, { info: note, warn: note }, { everyMs: 1, lateMs: 20 });
  t.after(() => watch[Symbol.asyncDispose]());
  const health = new ServiceHealth(["films"], watch);
  t.after(() => health[Symbol.dispose]());
  /** Resolves with the next change. */
  const change = () =>
    new Promise<void>((resolve) => {
      const following = watch.follow(() => {
        following[Symbol.dispose]();
        resolve();
      });
    });
  const grpc = async (service: string) => (await health.grpc.check({ service }, undefined as never)).status;
  const told = async () => [health.isServing, health.missing, await grpc(""), await grpc("films")];
  return { watch, health, lines, change, told };
}

for (const [how, go, back] of [
  ["refuses", (server: Server) => (server.fault = "refused"), (server: Server) => (server.fault = undefined)],
  ["is silent", (server: Server) => (server.isSilent = true), (server: Server) => (server.isSilent = false)],
] as const)
  test(`a service does not serve while a server that it needs ${how}, and says so once`, async (t) => {
    const catalog = new Server("catalog");
    const { lines, change, told } = open(t, catalog, new Server("blobs"));
    assert.deepEqual(await told(), [true, [], SERVING, SERVING]);
    const gone = change();
    go(catalog);
    await gone;
    assert.deepEqual(await told(), [false, ["catalog"], NOT_SERVING, NOT_SERVING]);
    const returned = change();
    const { asked } = catalog;
    while (catalog.asked < asked + 3) await new Promise(setImmediate);
    back(catalog);
    await returned;
    assert.deepEqual(await told(), [true, [], SERVING, SERVING]);
    assert.equal(lines.length, 2);
    assert.match(lines[0] ?? "", /^the catalog does not answer: not serving .*(refused|no answer within 20 ms)/);
    assert.match(lines[1] ?? "", /^the catalog answers again/);
  });

test("without a server that is not needed it serves, and says what is missing", async (t) => {
  const bus = new Server("bus", false);
  const { lines, change, told } = open(t, new Server("catalog"), bus);
  const gone = change();
  bus.fault = "refused";
  await gone;
  assert.deepEqual(await told(), [true, ["bus"], SERVING, SERVING]);
  assert.match(lines[0] ?? "", /^the bus does not answer: serving with less/);
});

test("a service that stops does not serve, whatever its servers do", async (t) => {
  const catalog = new Server("catalog");
  const { health, change, told } = open(t, catalog);
  health.stop();
  assert.deepEqual(await told(), [false, [], NOT_SERVING, NOT_SERVING]);
  for (const fault of ["refused", undefined]) {
    const changed = change();
    catalog.fault = fault;
    await changed;
    assert.equal(health.isServing, false);
  }
});

test("closing ends a question that nobody answers", async (t) => {
  const catalog = new Server("catalog");
  catalog.isSilent = true;
  const { watch, lines } = open(t, catalog);
  await watch[Symbol.asyncDispose]();
  assert.deepEqual(lines, []);
});
