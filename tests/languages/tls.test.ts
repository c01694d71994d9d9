import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { tlsConfig } from "@heimdex/access";
import { Authority } from "../access/certificates.fixture.ts";
import { openPlatform } from "../access/platform.fixture.ts";
import { ffmpeg } from "../cli/heimdex.fixture.ts";
import { isInstalled } from "./language.fixture.ts";
import { emptyFolder, ROOT, runIn } from "./npm-project.fixture.ts";
import { startWorker } from "./worker.fixture.ts";

const EXAMPLES = join(ROOT, "examples");
const LANGUAGES = [
  {
    language: "Python",
    folder: "python",
    worker: [".venv/bin/python", "loudness.py"],
    find: ".venv/bin/python find.py",
  },
  { language: "Go", folder: "go", worker: ["./colours"], find: "./find" },
] as const;

for (const { language, folder, worker, find } of LANGUAGES)
  test(`${language}: worker and client of the examples speak TLS and show keys`, async (t) => {
    if (!isInstalled(t, language)) return;
    const [stages, clients] = [join(EXAMPLES, "stages", folder), join(EXAMPLES, "clients", folder)];
    await Promise.all([runIn(stages, "./setup"), runIn(clients, "./setup")]);
    const own = await emptyFolder(t);
    const authority = await Authority.create(own, "ours");
    const { cert, key } = await authority.issue("server");
    const platform = await openPlatform(t, {
      gateway: { tls: { cert, key } },
      orchestrator: { tls: tlsConfig.parse({ cert, key }) },
      worker: "apart",
    });
    const trust = { SSL_CERT_FILE: authority.certFile, GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: authority.certFile };
    const keyFile = async (role: "stage" | "editor") => {
      const file = join(own, `${role}.key`);
      await writeFile(file, `${(await platform.issue("default", role)).secret}\n`);
      return file;
    };
    const at = (address: string) => `https://localhost:${address.split(":").at(-1)}`;
    const orchestrator = at(platform.orchestrator.workerAddress);
    await startWorker(t, stages, orchestrator, worker, { ...trust, HEIMDEX_STAGE_KEY_FILE: await keyFile("stage") });

    const film = join(own, "film.mp4");
    await ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x180:d=2", "-f", "lavfi", "-i", "sine=440:d=2", film);
    const env = { ...trust, HEIMDEX_API: at(platform.gateway.grpcAddress), HEIMDEX_KEY_FILE: await keyFile("editor") };
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    // No stage of ours runs here, so nothing is found: what counts is that each call is answered.
    const said = await runIn(clients, "sh", "-c", `${variables.join(" ")} ${find} ${film} "a tone" 2>&1 || true`);
    assert.doesNotMatch(said, /UNAUTHENTICATED|UNAVAILABLE|PERMISSION/, said);
    assert.match(said, /^(SUCCEEDED|PARTIAL|FAILED)/m, said);
  });
