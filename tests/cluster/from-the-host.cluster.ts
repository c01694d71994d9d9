import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { NatsBus } from "@heimdex/adapters-nats";
import { ComposeCluster } from "@heimdex/testing-servers";
import { ffmpeg, folder } from "../cli/heimdex.fixture.ts";
import { isInstalled } from "../languages/language.fixture.ts";
import { ROOT, runIn } from "../languages/npm-project.fixture.ts";
import { startWorker } from "../languages/worker.fixture.ts";
import { until } from "../until.ts";

const EXAMPLES = join(ROOT, "examples");
const STAGES = [
  {
    folder: join(EXAMPLES, "stages/python"),
    stage: "org.example.loudness",
    worker: [".venv/bin/python", "loudness.py"],
  },
  { folder: join(EXAMPLES, "stages/go"), stage: "org.example.colours", worker: ["./colours"] },
] as const;
const CLIENTS = [
  { folder: join(EXAMPLES, "clients/python"), command: ".venv/bin/python find.py" },
  { folder: join(EXAMPLES, "clients/go"), command: "./find" },
] as const;

test("stages in Python and Go on the host join a cluster in containers with keys of their own, clients there reach it, and a program follows what happens", async (t) => {
  if (!isInstalled(t, "Python") || !isInstalled(t, "Go")) return;
  const films = await folder(t);
  await chmod(films, 0o755); // containers read it as another user
  await makeFilm(films);
  await Promise.all([...STAGES, ...CLIENTS].map((example) => runIn(example.folder, "./setup")));
  await using cluster = await ComposeCluster.up({ films, files: ["events.yaml"] });

  const keys = await folder(t);
  const admin = join(keys, "admin.key");
  await writeFile(admin, await cluster.secret("admin-key"));
  const heimdex = `HEIMDEX_ENDPOINT=${cluster.api} HEIMDEX_KEY_FILE=${admin} ${join(ROOT, "heimdex")}`;
  const createKey = async (name: string, ...options: string[]) => {
    const file = join(keys, `${name}.key`);
    await runIn(ROOT, "sh", "-c", `${heimdex} keys create ${name} ${options.join(" ")} > ${file}`);
    return file;
  };
  for (const { folder: where, stage, worker } of STAGES) {
    const key = await createKey(stage, "--role stage --stage", stage);
    await startWorker(t, where, cluster.workerAddress, worker, { HEIMDEX_STAGE_KEY_FILE: key });
  }

  const followed = follow(t, cluster, await cluster.secret("events-password"));
  const editor = await createKey("clients", "--role editor");
  for (const { folder: where, command } of CLIENTS) {
    const said = await runIn(
      where,
      "sh",
      "-c",
      `HEIMDEX_API=${cluster.api} HEIMDEX_KEY_FILE=${editor} ${command} /films/film.mp4 "ferry"`,
    );
    for (const { stage } of STAGES) {
      assert.match(said, new RegExp(`${stage} (OK|CACHED)`), said);
      assert.match(said, new RegExp(`${stage}:? [1-9]`), said);
    }
    assert.match(said, /^(SUCCEEDED|PARTIAL)/m);
    assert.match(said, /the ferry leaves at seven/);
  }
  const told = (await followed()).join("\n");
  assert.match(told, /^file:\/\/\/films\/film\.mp4 (SUCCEEDED|PARTIAL)/m);
  assert.match(told, /^film\.mp4 can be found: asset a_/m);
  await assertFollowsOnly(t, cluster);
});

/** Starts the example that follows events. Resolves, when called, with its lines once it said that something can be found. */
function follow(t: TestContext, cluster: ComposeCluster, password: string): () => Promise<string[]> {
  const env = { ...process.env, HEIMDEX_BUS_URL: cluster.bus, HEIMDEX_EVENTS_PASSWORD: password };
  const program = spawn(".venv/bin/python", ["follow.py", "filing"], { cwd: join(EXAMPLES, "clients/python"), env });
  t.after(() => program.kill("SIGKILL"));
  const lines: string[] = [];
  const complaints: string[] = [];
  const found = Promise.withResolvers<string[]>();
  createInterface({ input: program.stdout }).on("line", (line) => {
    lines.push(line);
    if (/can be found/.test(line)) found.resolve(lines);
  });
  createInterface({ input: program.stderr }).on("line", (line) => complaints.push(line));
  program.on("exit", () => found.reject(new Error(`follow.py ended:\n${complaints.join("\n")}`)));
  found.promise.catch(() => undefined); // whoever calls hears of it
  return () => found.promise;
}

/** Who follows events neither hears what services tell each other nor tells them anything. */
async function assertFollowsOnly(t: TestContext, cluster: ComposeCluster): Promise<void> {
  const refused: string[] = [];
  const bus = await NatsBus.open({
    servers: cluster.bus,
    user: "events",
    password: await cluster.secret("events-password"),
    onError: (error) => refused.push((error as Error).message),
  });
  t.after(() => bus[Symbol.asyncDispose]());
  await bus.subscribe("events.>", () => {});
  await bus.publish("work.queued", {});
  await until("both are refused", async () => (refused.length === 2 ? true : undefined));
  for (const message of refused) assert.match(message, /does not permit/);
}

/** Bars with a tone, then a dark picture without a sound; a line of subtitles. */
async function makeFilm(films: string): Promise<void> {
  const subtitles = join(films, "film.txt");
  await writeFile(subtitles, "1\n00:00:01,000 --> 00:00:03,000\nthe ferry leaves at seven\n");
  const graph =
    "smptebars=s=640x360:d=4[a];color=0x283050:s=640x360:d=4[b];sine=1000:d=4[c];" +
    "anullsrc=r=44100:cl=mono,atrim=duration=4[d];[a][c][b][d]concat=n=2:v=1:a=1[v][s]";
  const maps = ["-map", "[v]", "-map", "[s]", "-map", "0:s"];
  const codecs = ["-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-c:s", "mov_text"];
  await ffmpeg("-f", "srt", "-i", subtitles, "-filter_complex", graph, ...maps, ...codecs, join(films, "film.mp4"));
}
