import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { ComposeCluster } from "@heimdex/testing-servers";

/** What is read of the API's answers. */
interface Answer {
  readonly job: string;
  readonly state: string;
  readonly searchable: boolean;
  readonly steps: unknown;
  readonly results: readonly unknown[];
}

/** Far beyond what a film of seconds takes, on a machine that does much else. */
const WITHIN_MS = 900_000;

test("images of one version, started together, find a moment in a film they were given, by what is said there", async (t) => {
  const films = await mkdtemp(join(tmpdir(), "heimdex-films-"));
  t.after(() => rm(films, { recursive: true }));
  await chmod(films, 0o755); // containers read it as another user
  await makeFilm(films);
  await using cluster = await ComposeCluster.up({ films });
  const authorization = `Bearer ${await cluster.secret("admin-key")}`;
  const ask = async (path: string, body?: object): Promise<Answer> => {
    const post = { method: "POST", body: JSON.stringify(body) };
    const headers = { authorization, "content-type": "application/json" };
    const answer = await fetch(`${cluster.url}${path}`, { headers, ...(body === undefined ? {} : post) });
    assert.equal(answer.status, 200, `${path}: ${await answer.clone().text()}`);
    return (await answer.json()) as Answer;
  };
  const created = await ask("/v1/jobs", { source_uri: "file:///films/harbour.mp4" });
  const until = Date.now() + WITHIN_MS;
  for (;;) {
    const { state, searchable, steps } = await ask(`/v1/jobs/${created.job}`);
    if (state === "SUCCEEDED" && searchable) break;
    assert.ok(["QUEUED", "RUNNING", "SUCCEEDED"].includes(state), `the job is ${state}: ${JSON.stringify(steps)}`);
    assert.ok(Date.now() < until, `the job is still ${state}: ${JSON.stringify(steps)}`);
    await delay(500); // what is waited for is the state a user reads
  }
  const { results } = await ask(`/v1/search?query=${encodeURIComponent("ferry")}`);
  assert.match(JSON.stringify(results[0]), /ferry leaves at seven/);
});

/** Six seconds of pattern and tone, with a line of subtitles. */
async function makeFilm(folder: string): Promise<void> {
  const subtitles = join(folder, "harbour.txt");
  await writeFile(subtitles, "1\n00:00:01,000 --> 00:00:04,000\nthe ferry leaves at seven\n");
  const inputs = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=12:d=6", "-f", "lavfi", "-i", "sine=220:d=6"];
  const output = ["-c:v", "libx264", "-c:a", "aac", "-c:s", "mov_text", join(folder, "harbour.mp4")];
  await promisify(execFile)("ffmpeg", ["-v", "error", ...inputs, "-f", "srt", "-i", subtitles, ...output]);
}
