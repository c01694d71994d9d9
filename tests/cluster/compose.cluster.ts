import assert from "node:assert/strict";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ComposeCluster, docker } from "@heimdex/testing-servers";
import { ffmpeg, folder } from "../cli/heimdex.fixture.ts";
import { ROOT, runIn } from "../languages/npm-project.fixture.ts";
import type { ReceivedSpan } from "./otlp-receiver.ts";

const RECEIVER = fileURLToPath(new URL("./otlp-receiver.ts", import.meta.url));
const PROMETHEUS = "prom/prometheus:v3.5.0";
/** Far longer than anything takes. */
const PATIENCE_MS = 300_000;
const ASR_REPLICAS = 3;

/** What is read of an answer of `index --json`. */
interface Indexed {
  readonly asset: string;
  readonly state: string;
  readonly stages: readonly { readonly state: string }[];
}

interface Found {
  /** Something of the search had to be left out. */
  readonly degraded: boolean;
  readonly results: readonly { source: string; start_ms: number; end_ms: number; at_ms: number; snippet: string }[];
}

test("deploy/compose, as the guide says: a film is indexed and found through the published port, its trace and its figures reach who watches, all stays over a restart", async (t) => {
  const films = await folder(t);
  await chmod(films, 0o755); // containers read it as another user
  await makeFilm(join(films, "harbour.mp4"), "the ferry leaves at seven");
  await using cluster = await ComposeCluster.up({
    films,
    variables: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://jaeger:4318" },
    services: {
      jaeger: {
        image: `${process.env.HEIMDEX_REGISTRY ?? "heimdex"}/cli:${process.env.HEIMDEX_VERSION ?? "0.1.0"}`,
        entrypoint: ["node", "/otlp-receiver.ts"],
        volumes: [`${RECEIVER}:/otlp-receiver.ts:ro`],
      },
    },
    up: ["--scale", `stage-asr=${ASR_REPLICAS}`],
  });
  await cluster.compose("up", "--detach", "--no-deps", "jaeger");

  const keys = await folder(t);
  const key = join(keys, "admin.key");
  await writeFile(key, await cluster.secret("admin-key"), { mode: 0o600 });
  const heimdex = (...args: string[]) => {
    const env = `HEIMDEX_ENDPOINT=${cluster.api} HEIMDEX_KEY_FILE=${key}`;
    return runIn(keys, "sh", "-c", `${env} ${join(ROOT, "heimdex")} --json ${args.join(" ")}`);
  };
  const index = async (source: string) => {
    const { assets } = JSON.parse(await heimdex("index", source)) as { assets: Indexed[] };
    assert.deepEqual(
      assets.map(({ state }) => state),
      ["SUCCEEDED"],
    );
    return assets[0] as Indexed;
  };
  const finds = async (word: string, text: string) => {
    const { results } = JSON.parse(await heimdex("search", word)) as Found;
    const [first] = results;
    assert.equal(first?.snippet, text, `${word}: ${JSON.stringify(results)}`);
    assert.ok(first.at_ms >= 4_000 && first.at_ms <= 7_000, `found at ${first?.at_ms} ms`);
  };
  let harbour = "";

  await t.test("three replicas of a stage serve", async () => {
    const { stages } = (await ask(cluster, "/v1/status")) as { stages: { stage: string; workers: number }[] };
    assert.equal(stages.find(({ stage }) => stage === "asr.transcribe")?.workers, ASR_REPLICAS);
  });
  await t.test("a film that lies with the servers is indexed and found", async () => {
    harbour = (await index("file:///films/")).asset;
    await finds("ferry", "the ferry leaves at seven");
    const { url } = JSON.parse(await heimdex("open", "1", "--print")) as { url: string };
    const film = await fetch(url, { headers: { range: "bytes=4-7" } });
    assert.deepEqual([film.status, await film.text()], [206, "ftyp"], "what lies there is played from there");
  });
  await t.test("its meaning is searched too, by a worker whose calls go to both orchestrators", async () => {
    let times = 0;
    await until("three searches in a row that are not degraded", async () => {
      const { degraded } = JSON.parse(await heimdex("search", `boat-${Math.random()}`)) as Found;
      times = degraded ? 0 : times + 1;
      return times === 3;
    });
  });
  await t.test("a film that lies on this machine is brought there, indexed and found", async () => {
    const film = join(keys, "bakery.mp4");
    await makeFilm(film, "the bakery opens at six");
    await index(film);
    await finds("bakery", "the bakery opens at six");
  });
  await t.test("a picture is read by a signed path, without a key", async () => {
    const sidecar = await heimdex("sidecar", harbour);
    const [, sha256, size] =
      /"media_type": "image\/jpeg",\s+"sha256": "([0-9a-f]+)",\s+"size": (\d+)/.exec(sidecar) ?? [];
    const path = `/v1/blobs/${sha256}?size=${size}&type=image/jpeg`;
    const { paths } = (await ask(cluster, "/v1/paths:sign", { paths: [path] })) as { paths: [string] };
    assert.equal((await fetch(`${cluster.url}${path}`)).status, 401);
    const picture = await fetch(`${cluster.url}${paths[0]}`);
    assert.equal(picture.status, 200);
    assert.equal((await picture.arrayBuffer()).byteLength, Number(size));
  });
  await t.test("the job is one trace over gateway, orchestrators and stages", async () => {
    await until("a trace over all services", async () => {
      const spans = (await (await fetch(cluster.traces)).json()) as ReceivedSpan[];
      const traces = Map.groupBy(spans, ({ traceId }) => traceId);
      return traces.values().some((trace) => isWhole(trace));
    });
  });
  await t.test("Prometheus finds all of them, and its alerts are well formed", async () => {
    if (!(await isHere(PROMETHEUS))) {
      t.diagnostic(`NOT RUN: the image ${PROMETHEUS} is not here and cannot be pulled`);
      return;
    }
    await cluster.compose("up", "--detach", "--no-deps", "prometheus");
    const query = async (path: string) => (await (await fetch(`${cluster.figures}/api/v1/${path}`)).json()) as Told;
    await until("three targets are up", async () => {
      const { data } = await query(`query?query=${encodeURIComponent("sum by (job) (up)")}`);
      const up = data.result.map(({ metric, value }) => `${metric.job} ${value[1]}`);
      return up.sort().join() === "gateway 1,orchestrator 2";
    });
    const attempts = 'sum(heimdex_work_duration_seconds_count{work="attempt",stage="media.analyze"})';
    const { data } = await query(`query?query=${encodeURIComponent(attempts)}`);
    assert.equal(data.result[0]?.value[1], "2");
    const { data: rules } = await query("rules");
    const alerts = rules.groups.flatMap((group) => group.rules);
    assert.deepEqual(
      alerts.filter(({ health }) => health === "err"),
      [],
    );
    assert.equal(alerts.length, 5);
  });
  await t.test("what was found stays when the containers go and come back", async () => {
    await cluster.compose("--profile", "observability", "down");
    await cluster.compose("up", "--detach", "--no-build", "--wait");
    await finds("ferry", "the ferry leaves at seven");
    const again = await index("file:///films/");
    assert.equal(again.asset, harbour);
    assert.ok(
      again.stages.every(({ state }) => state === "CACHED" || state === "SKIPPED"),
      "nothing runs again",
    );
  });
});

/** What is read of Prometheus' answers. */
interface Told {
  readonly data: {
    readonly result: readonly {
      readonly metric: { readonly job?: string };
      readonly value: readonly [number, string];
    }[];
    readonly groups: readonly { readonly rules: readonly { readonly name: string; readonly health: string }[] }[];
  };
}

/** Each span's parent is in the trace, but for the one that all begins with, and all kinds of services have a part in it. */
function isWhole(trace: readonly ReceivedSpan[]): boolean {
  const ids = new Set(trace.map(({ spanId }) => spanId));
  const roots = trace.filter(({ parentSpanId }) => !parentSpanId || !ids.has(parentSpanId));
  const services = new Set(trace.map(({ service }) => service));
  const all = ["gateway", "orchestrator", "stage-media", "stage-asr", "stage-embed", "stage-vision"];
  return roots.length === 1 && roots[0]?.service === "gateway" && all.every((service) => services.has(service));
}

async function ask(cluster: ComposeCluster, path: string, body?: object): Promise<unknown> {
  const headers = { authorization: `Bearer ${await cluster.secret("admin-key")}`, "content-type": "application/json" };
  const post = { method: "POST", body: JSON.stringify(body) };
  const answer = await fetch(`${cluster.url}${path}`, { headers, ...(body === undefined ? {} : post) });
  assert.equal(answer.status, 200, `${path}: ${await answer.clone().text()}`);
  return answer.json();
}

/** Tries again until it holds. What throws meanwhile is not there yet. */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const giveUpMs = performance.now() + PATIENCE_MS; ; await delay(1_000)) {
    let problem: unknown;
    try {
      if (await holds()) return;
    } catch (reason) {
      problem = reason;
    }
    if (performance.now() > giveUpMs) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`, { cause: problem });
  }
}

async function isHere(image: string): Promise<boolean> {
  const here = () => docker(["image", "inspect", image]);
  return here().then(
    () => true,
    () =>
      docker(["pull", image]).then(
        () => true,
        () => false,
      ),
  );
}

/** Bars, then another picture, with tones; subtitles in the second. */
async function makeFilm(film: string, said: string): Promise<void> {
  const subtitles = `${film}.txt`;
  await writeFile(subtitles, `1\n00:00:04,500 --> 00:00:07,000\n${said}\n`);
  const graph =
    "smptebars=s=640x360:d=4[a];testsrc2=s=640x360:d=4[b];sine=300:d=4[c];sine=900:d=4[d];[a][c][b][d]concat=n=2:v=1:a=1[v][s]";
  const maps = ["-map", "[v]", "-map", "[s]", "-map", "0:s"];
  const codecs = ["-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-c:s", "mov_text"];
  await ffmpeg("-f", "srt", "-i", subtitles, "-filter_complex", graph, ...maps, ...codecs, film);
}
