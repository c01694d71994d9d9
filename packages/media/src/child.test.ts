import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import { runChild } from "./child.ts";
import { findFfmpeg } from "./find-ffmpeg.ts";
import { memoryIsLimited } from "./limits.ts";
import { MediaError } from "./media-error.ts";

const folder = await mkdtemp(join(tmpdir(), "heimdex-child-"));
after(() => rm(folder, { recursive: true }));

/** Frames without end. */
const ENDLESS = ["-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=s=640x360"];
const hasReason = (reason: string) => (error: unknown) => error instanceof MediaError && error.reason === reason;
const drain = async (chunks: AsyncIterable<Buffer>) => {
  for await (const _ of chunks);
};
const isGone = (pid: number) => {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
};

test("CPU time of the tool is measured, and its output read", async () => {
  let bytes = 0;
  const { cpuMs, wallMs } = await runChild("ffmpeg", [...ENDLESS, "-t", "8", "-f", "rawvideo", "pipe:4"], {
    pipes: {
      4: async (chunks) => {
        for await (const chunk of chunks) bytes += chunk.length;
      },
    },
  });
  assert.equal(bytes, 8 * 25 * 640 * 360 * 1.5);
  assert.ok(cpuMs > 0 && wallMs > 0);
});

test("a tool that takes too long is ended", async () => {
  await assert.rejects(runChild("sleep", ["600"], { limits: { wallMs: 200 } }), hasReason("TIME_LIMIT"));
});

test("a tool that ignores the polite signal is killed with all it started", async () => {
  let pids: number[] = [];
  const stop = new AbortController();
  const run = runChild("/bin/sh", ["-c", "trap '' TERM; sleep 600 & echo $$ $!; wait; sleep 600"], {
    signal: stop.signal,
    pipes: {
      1: async (chunks) => {
        for await (const chunk of chunks) {
          pids = chunk.toString().trim().split(" ").map(Number);
          stop.abort(new Error("stopped by the test"));
        }
      },
    },
  });
  await assert.rejects(run, /stopped by the test/);
  assert.equal(pids.length, 2);
  // Killed children stay as zombies until their new parent has waited for them.
  for (let tries = 0; tries < 100 && !pids.every(isGone); tries++)
    await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(pids.every(isGone));
});

test("output beyond the limit ends the tool, through pipes and in files", async () => {
  const limits = { outputBytes: 1_000_000, fileBytes: 1_000_000 };
  const pipe = runChild("ffmpeg", [...ENDLESS, "-f", "rawvideo", "pipe:1"], { limits, pipes: { 1: drain } });
  await assert.rejects(pipe, hasReason("OUTPUT_LIMIT"));
  const file = runChild("ffmpeg", [...ENDLESS, "-f", "rawvideo", join(folder, "large.yuv")], { limits });
  await assert.rejects(file, hasReason("OUTPUT_LIMIT"));
});

test("memory is limited where the system can", async () => {
  // A copy that wants a buffer of 2 GiB.
  const run = runChild("dd", ["if=/dev/zero", "of=/dev/null", "bs=2147483648", "count=1"], {
    limits: { memoryBytes: 400 * 1024 ** 2 },
  });
  if (memoryIsLimited()) await assert.rejects(run, hasReason("MEMORY_LIMIT"));
  else await run;
});

test("a reader's error ends the tool and is what the run rejects with", async () => {
  const run = runChild("ffmpeg", [...ENDLESS, "-f", "rawvideo", "pipe:1"], {
    pipes: { 1: () => Promise.reject(new Error("the reader gave up")) },
  });
  await assert.rejects(run, /the reader gave up/);
});

test("a failure carries the tool's last words, at most 4 KiB", async () => {
  const script =
    "i=0; while [ $i -lt 500 ]; do echo line $i of many >&2; i=$((i+1)); done; echo the last word >&2; exit 3";
  await assert.rejects(runChild("/bin/sh", ["-c", script]), (error: MediaError) => {
    assert.equal(error.reason, "TOOL_FAILED");
    assert.match(error.message, /code 3: the last word/);
    assert.ok((error.logTail ?? "").length <= 4096 && error.logTail?.endsWith("the last word\n"));
    return true;
  });
});

test("secrets in the environment do not reach the tool", async () => {
  process.env.HEIMDEX_TEST_SECRET = "s3cret";
  let text = "";
  await runChild("env", [], {
    pipes: {
      1: async (chunks) => {
        for await (const chunk of chunks) text += chunk;
      },
    },
  });
  delete process.env.HEIMDEX_TEST_SECRET;
  assert.match(text, /^PATH=/m);
  assert.doesNotMatch(text, /s3cret/);
});

test("findFfmpeg states versions, or what to install", async () => {
  const { ffmpeg, ffprobe } = await findFfmpeg();
  assert.match(ffmpeg.version, /\d/);
  assert.match(ffprobe.version, /\d/);
  process.env.FFPROBE_PATH = join(folder, "absent");
  try {
    await assert.rejects(findFfmpeg(), (error: HeimdexError) => {
      assert.ok(error instanceof HeimdexError);
      assert.equal(error.id, "NO_FFMPEG");
      assert.match(error.help, /install/);
      return true;
    });
  } finally {
    delete process.env.FFPROBE_PATH;
  }
});

test("findFfmpeg: a tool that is there and fails is asked twice, then says what it said", async () => {
  const path = join(folder, "failing-ffprobe");
  await writeFile(path, `#!/bin/sh\necho asked >> '${folder}/asked'\necho 'broken library' >&2\nexit 3\n`);
  await chmod(path, 0o755);
  process.env.FFPROBE_PATH = path;
  try {
    await assert.rejects(findFfmpeg(), (error: HeimdexError) => {
      assert.equal(error.id, "FFMPEG_UNUSABLE");
      assert.match(error.message, /broken library/);
      return true;
    });
    assert.equal(await readFile(join(folder, "asked"), "utf8"), "asked\nasked\n");
    // The first start fails, the second answers: what a busy machine looks like.
    await writeFile(
      path,
      `#!/bin/sh\n[ -e '${folder}/second' ] || { touch '${folder}/second'; exit 3; }\necho 'ffprobe version 7.1'\n`,
    );
    assert.deepEqual((await findFfmpeg()).ffprobe.release, [7, 1]);
  } finally {
    delete process.env.FFPROBE_PATH;
  }
});
