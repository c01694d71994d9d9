import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import { ffmpeg, folder, host } from "../cli/heimdex.fixture.ts";
import { isInstalled } from "./language.fixture.ts";
import { ROOT, runIn } from "./npm-project.fixture.ts";

const CLIENTS = join(ROOT, "examples/clients");
const SAID = "the last train leaves at seven";
const readme = await readFile(join(CLIENTS, "README.md"), "utf8");
const blocks = [...readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, text]) => text as string);

/** A running host, and a film in which something is said: its subtitles say so. */
async function archive(t: TestContext): Promise<{ api: string; film: string }> {
  const root = await folder(t);
  const film = join(root, "film.mp4");
  await ffmpeg("-f", "lavfi", "-i", "testsrc2=d=4", film);
  await writeFile(join(root, "film.srt"), `1\n00:00:01,000 --> 00:00:03,000\n${SAID}\n`);
  const up = await host(t, join(root, "archive"));
  const api = /gRPC (\S+?),/.exec(await up.line(/^ready after/))?.[1];
  assert.ok(api);
  return { api, film };
}

for (const language of ["Python", "Go"] as const) {
  test(`the client in ${language} indexes, watches, searches and reads the sidecar`, async (t) => {
    if (!isInstalled(t, language)) return;
    const { api, film } = await archive(t);
    const block = blocks.find((text) => text.startsWith(`cd ${language.toLowerCase()} `));
    assert.ok(block, "the README says how to run it");
    const command = block.replace("FILE", film).replace("what was said", "last train");
    const said = await runIn(CLIENTS, "sh", "-c", `export HEIMDEX_API=${api}; ${command}`);
    assert.match(said, /media\.probe OK/);
    assert.match(said, /^(SUCCEEDED|PARTIAL)/m);
    assert.match(said, new RegExp(`film\\.mp4 \\d.*spoken.*: ${SAID}`));
    assert.match(said, /transcript:? 1\b/);
  });
}

test("the README's lines for grpcurl do the same", async (t) => {
  if (!isInstalled(t, "Go")) return;
  const [install, ...calls] =
    blocks
      .find((text) => text.includes("grpcurl"))
      ?.trim()
      .split("\n") ?? [];
  await runIn(CLIENTS, "sh", "-c", install ?? "");
  const { api, film } = await archive(t);
  let said = "";
  for (const call of calls) {
    const name = (field: string) => new RegExp(`"${field}": "([^"]+)"`).exec(said)?.[1] ?? "";
    const command = call
      .replace("127.0.0.1:8481", api)
      .replace("file:///films/a.mp4", pathToFileURL(film).href)
      .replace("what was said", "last train")
      .replace("JOB", name("job"))
      .replace("ASSET", name("asset"));
    said = await runIn(CLIENTS, "sh", "-c", command);
    if (call.includes(" list")) assert.match(said, /^heimdex\.v1\.JobService$/m);
    if (call.includes("WatchJob")) await searchable(api, name("job"));
    if (call.includes("/Search")) assert.match(said, new RegExp(`"snippet": "${SAID}"`));
  }
  const data = /"data": "([^"]+)"/.exec(said)?.[1] ?? "";
  const { layers } = JSON.parse(Buffer.from(data, "base64").toString()) as { layers: { kind: string }[] };
  assert.ok(layers.some(({ kind }) => kind === "transcript"));
});

/** A job that has ended is searchable soon after. */
async function searchable(api: string, job: string): Promise<void> {
  const call = ["-plaintext", "-d", JSON.stringify({ job }), api, "heimdex.v1.JobService/GetJob"];
  while (!/"searchable": true/.test(await runIn(CLIENTS, "bin/grpcurl", ...call)));
}
