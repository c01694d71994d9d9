import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isInstalled, type Language } from "./language.fixture.ts";
import { emptyFolder, ROOT, runIn } from "./npm-project.fixture.ts";

const LANGUAGES: readonly Language[] = ["TypeScript", "Python", "Go"];
const TIMEOUT_MS = 900_000;

interface Block {
  /** `sh`, or what the file is written in. */
  readonly kind: string;
  /** A file to be written. */
  readonly file?: string;
  /** What stays in a terminal of its own until the reader has done all. */
  readonly isTerminal: boolean;
  readonly text: string;
}

/** The blocks of the guide that a reader of one language comes by. */
function blocksFor(guide: string, language: Language): Block[] {
  const blocks: Block[] = [];
  let part: string | undefined;
  for (const [, heading, info, text] of guide.matchAll(/^#{2,3} (.*)$|^```(.*)\n([\s\S]*?)^```$/gm)) {
    if (heading !== undefined) part = LANGUAGES.find((name) => name === heading);
    if (info === undefined || text === undefined || (part !== undefined && part !== language)) continue;
    const [kind = "", what] = info.split(" ");
    const file = /^file=(\S+)$/.exec(what ?? "")?.[1];
    const isTerminal = what === "terminal";
    assert.ok(file !== undefined || (kind === "sh" && (what === undefined || isTerminal)), `a block of ${info}`);
    blocks.push({ kind, text, isTerminal, ...(file === undefined ? {} : { file }) });
  }
  return blocks;
}

/** What a reader's shell does, in the order of the guide. Ports are free ones instead of Heimdex's own, and a terminal's program is waited for until it says
 * that it is ready, as the reader would. */
function scriptOf(blocks: readonly Block[]): string {
  const lines = [
    "set -euo pipefail; set -m; terminals=",
    "trap 'for pid in $terminals; do kill -TERM -- -$pid || true; done; wait' EXIT",
    'heimdex() { if [ "$1" = up ]; then set -- up --http-port 0 --grpc-port 0 --worker-port 0 --data-port 0; fi; command heimdex "$@"; }',
  ];
  for (const [at, { file, isTerminal, text }] of blocks.entries()) {
    lines.push(`echo "@@ ${at}"`);
    if (file !== undefined) lines.push(`cat > ${file} <<'END-OF-BLOCK'`, `${text}END-OF-BLOCK`);
    else if (!isTerminal) lines.push(text);
    else
      lines.push(
        `( ${text} ) > terminal-${at}.log 2>&1 & terminals="$terminals $!"`,
        `until grep -qE "^ready after|registered" terminal-${at}.log; do kill -0 $! || { cat terminal-${at}.log; exit 1; }; sleep 0.2; done`,
        `address=$(sed -nE 's/^ready after.*workers ([^,]+),.*/\\1/p' terminal-${at}.log)`,
        'if [ -n "$address" ]; then export HEIMDEX_ORCHESTRATOR=$address; fi',
      );
  }
  return lines.join("\n");
}

describe("docs/guides/write-a-stage.md, block by block in an empty folder", { concurrency: true }, () => {
  for (const language of LANGUAGES) {
    test(`in ${language}: the stage works, is found, and passes the kit`, { timeout: TIMEOUT_MS }, async (t) => {
      if (!isInstalled(t, language)) return;
      const blocks = blocksFor(await readFile(join(ROOT, "docs/guides/write-a-stage.md"), "utf8"), language);
      const script = join(await emptyFolder(t), "reader.sh");
      await writeFile(script, scriptOf(blocks));
      const said = (await runIn(ROOT, "bash", script)).split(/^@@ \d+\n/m).slice(1);
      assert.equal(said.length, blocks.length);
      const after = (command: RegExp): string => {
        const at = blocks.findIndex(({ kind, text }) => kind === "sh" && command.test(text));
        assert.ok(at >= 0, `the guide has ${command}`);
        return said[at] as string;
      };

      const { layers } = JSON.parse(after(/^heimdex sidecar/m)) as {
        layers: { kind: string; items: { start_ms: number; end_ms: number; seconds?: number }[] }[];
      };
      const silences = layers.find(({ kind }) => kind === "org.example.silence")?.items ?? [];
      assert.equal(silences.length, 1, "film.mp4 has one silence");
      const [silence] = silences;
      // AAC frames have 1024 samples: edges are not to the millisecond.
      assert.ok(Math.abs((silence?.start_ms ?? 0) - 4000) < 100 && Math.abs((silence?.seconds ?? 0) - 4) < 0.2);
      assert.match(after(/^heimdex search silence/m), /film\.mp4[\s\S]*silence/);
      const filtered = after(/^heimdex search .*--where/m);
      assert.equal(filtered.match(/^ 1\. film\.mp4/gm)?.length, 1, `only the first of the two finds it: ${filtered}`);
      assert.match(after(/^heimdex stage test/m), /^org\.example\.silence 1\.0\.0: \d+ passed, 0 failed, /m);
    });
  }
});
