import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ffmpeg, folder, heimdex, host, json } from "../cli/heimdex.fixture.ts";
import { isInstalled } from "./language.fixture.ts";
import { ROOT, runIn } from "./npm-project.fixture.ts";
import { startWorker } from "./worker.fixture.ts";

const TIMEOUT_MS = 900_000;
const PYTHON = { language: "Python", folder: "python", stage: "org.example.loudness" } as const;
const GO = { language: "Go", folder: "go", stage: "org.example.colours" } as const;
const TYPESCRIPT = { language: "TypeScript", folder: "typescript", stage: "org.example.leader" } as const;
const EXAMPLES = [
  { ...PYTHON, prepare: ["./setup", ".venv/bin/python -m unittest"], worker: [".venv/bin/python", "loudness.py"] },
  { ...GO, prepare: ["./setup", "go vet ./... && go test ./..."], worker: ["./colours"] },
  { ...TYPESCRIPT, prepare: ["node --test"], worker: ["node", "worker.ts"] },
] as const;
const folderOf = (name: string) => join(ROOT, "examples/stages", name);

describe("an example's own tests pass, and its worker passes the kit", { concurrency: true }, () => {
  for (const { language, folder: name, stage, prepare, worker } of EXAMPLES) {
    test(`${language}: ${stage}`, { timeout: TIMEOUT_MS }, async (t) => {
      if (!isInstalled(t, language)) return;
      for (const command of prepare) await runIn(folderOf(name), "sh", "-c", command);
      const said = await runIn(folderOf(name), "heimdex", "stage", "test", "--", ...worker);
      assert.match(said, /^org\.example\.\w+ 1\.0\.0: \d+ passed, 0 failed, /m);
    });
  }
});

interface Found {
  readonly results: readonly { start_ms: number; end_ms: number; at_ms: number; why: { channel: string }[] }[];
}

test("footage that all examples have seen: what each found is searched, and filtered by", async (t) => {
  const running = EXAMPLES.filter(({ language }) => isInstalled(t, language));
  if (running.length < EXAMPLES.length) return;
  const root = await folder(t);
  const film = join(root, "film.mp4");
  // Bars with line-up tone, a dark picture without a sound, and a blue one with a tone.
  const pictures = "smptebars=s=640x360:d=4[a];color=0x283050:s=640x360:d=4[b];color=0x4080E0:s=640x360:d=4[c]";
  const sounds = "sine=1000:d=4[d];anullsrc=r=44100:cl=mono,atrim=duration=4[e];sine=440:d=4[f]";
  const graph = `${pictures};${sounds};[a][d][b][e][c][f]concat=n=3:v=1:a=1[v][s]`;
  const codecs = ["-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"];
  await ffmpeg("-filter_complex", graph, "-map", "[v]", "-map", "[s]", ...codecs, film);

  const data = join(root, "archive");
  const up = await host(t, data);
  const address = /workers (\S+?),/.exec(await up.line(/^ready after/))?.[1] ?? "";
  for (const { folder: name, worker } of running) await startWorker(t, folderOf(name), address, worker);
  const { code, stderr } = await heimdex(t, "--data", data, "index", film);
  assert.equal(code, 0, stderr);

  const search = async (...args: string[]): Promise<Found["results"]> => {
    const answer = await json(t, "--data", data, "search", ...args);
    assert.equal(answer.code, 0, answer.stderr);
    return (answer.document as Found).results;
  };
  const within = (results: Found["results"], fromMs: number, toMs: number) => {
    const at = results.map(({ at_ms }) => at_ms);
    const isWithin = at.length > 0 && at.every((ms) => ms >= fromMs - 600 && ms <= toMs + 600);
    assert.ok(isWithin, `found at ${at.join(", ") || "no time"} instead of between ${fromMs} and ${toMs} ms`);
  };

  const bars = await search("colour bars");
  assert.ok(
    bars[0]?.why.some(({ channel }) => channel === "custom"),
    JSON.stringify(bars),
  );
  within(await search("silence", "--channel", "custom"), 4_000, 8_000);
  assert.ok((await search("blue", "--channel", "custom")).length > 0);

  within(await search("--where", "org.example.leader.mark=bars"), 0, 4_000);
  within(await search("--where", "org.example.colours.daylight=night"), 4_000, 8_000);
  assert.ok((await search("--where", "org.example.loudness.lufs>=-40")).length > 0);
  assert.deepEqual(await search("--where", "org.example.loudness.lufs>=0"), []);
  // Each condition holds somewhere in the film, but not in one moment.
  const both = ["--where", "org.example.leader.mark=bars", "--where", "org.example.colours.daylight=night"];
  assert.deepEqual(await search(...both), []);
});
