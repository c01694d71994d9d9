import assert from "node:assert/strict";
import { open as openFile, writeFile } from "node:fs/promises";
import { describe, type TestContext, test } from "node:test";
import {
  broken,
  collect,
  keyOf,
  LONG_MS,
  MIB,
  NOTHING,
  pattern,
  stream,
  TENANT,
  text,
  upload,
} from "./blob-samples.ts";
import { blobUrlsConformance } from "./blob-urls-conformance.ts";
import type { BlobKey, Blobs } from "./blobs.ts";
import { byUtf8, withId } from "./conformance-tools.ts";

/** An empty store of its own for one test. */
export interface BlobsHandle {
  readonly blobs: Blobs;
  /** A second opening of the same store, as another process or the next start has it. */
  connect(): Promise<Blobs>;
}

/** One test per promise of the interface of Blobs.
 * @param open gives each test an empty store and closes it after the test (`t.after`) */
export function blobsConformance(adapter: string, open: (t: TestContext) => Promise<BlobsHandle>): void {
  describe(`Blobs: ${adapter}`, () => {
    test("bytes come back as they were put", async (t) => {
      const { blobs, connect } = await open(t);
      const other = await connect();
      for (const size of [0, 1, 65_536, 3 * MIB + 7]) {
        const bytes = pattern(size);
        const key = keyOf(bytes);
        assert.equal(await blobs.has(key), false);
        await blobs.put(key, stream(bytes, 100_000));
        for (const store of [blobs, other]) {
          assert.equal(await store.has(key), true);
          assert.deepEqual(await collect(await store.get(key)), bytes);
        }
      }
    });

    test("what was stored is there after closing and opening again", async (t) => {
      const { blobs, connect } = await open(t);
      const bytes = pattern(1000);
      await blobs.put(keyOf(bytes), stream(bytes));
      await blobs.putNamed(TENANT, "sidecars/a/1.json", text("{}"));
      const stored = await blobs.upload(upload(0), stream(pattern(500)), 500);
      await blobs[Symbol.asyncDispose]();
      await blobs[Symbol.asyncDispose]();
      const again = await connect();
      assert.deepEqual(await collect(await again.get(keyOf(bytes))), bytes);
      assert.deepEqual(Buffer.from((await again.getNamed(TENANT, "sidecars/a/1.json")) ?? []).toString(), "{}");
      await again.commitUpload(upload(0), { tenant: TENANT, ...stored });
      assert.deepEqual(await collect(await again.get({ tenant: TENANT, ...stored })), pattern(500));
    });

    test("put is idempotent, also 20 at once", async (t) => {
      const { blobs, connect } = await open(t);
      const other = await connect();
      const bytes = pattern(200_000);
      const key = keyOf(bytes);
      await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 ? blobs : other).put(key, stream(bytes))));
      await blobs.put(key, stream(bytes));
      assert.deepEqual(await collect(await blobs.get(key)), bytes);
      assert.deepEqual(await blobs.usage(TENANT), { ...NOTHING, cas: bytes.length });
    });

    test("bytes that differ from their key are refused, and nothing is kept", async (t) => {
      const { blobs } = await open(t);
      const bytes = pattern(100_000);
      const key = keyOf(bytes);
      const wrong = bytes.slice();
      wrong[50_000] = (wrong[50_000] as number) ^ 1;
      const mismatch = withId("BLOB_DIGEST_MISMATCH");
      await assert.rejects(blobs.put(key, stream(wrong)), mismatch);
      await assert.rejects(blobs.put(key, stream(bytes.subarray(1))), mismatch);
      await assert.rejects(blobs.put(key, stream(Buffer.concat([bytes, bytes]))), mismatch);
      await assert.rejects(blobs.put({ ...key, size: key.size - 1 }, stream(bytes)), mismatch);
      await assert.rejects(blobs.put({ ...key, size: key.size + 1 }, stream(bytes)), mismatch);
      assert.equal(await blobs.has(key), false);
      assert.deepEqual(await blobs.usage(TENANT), NOTHING);
      await blobs.put(key, stream(bytes));
      await assert.rejects(blobs.put(key, stream(wrong)), mismatch);
      assert.deepEqual(await collect(await blobs.get(key)), bytes);
    });

    test("a blob of another size is another blob", async (t) => {
      const { blobs } = await open(t);
      const bytes = pattern(10);
      const key = keyOf(bytes);
      await blobs.put(key, stream(bytes));
      assert.equal(await blobs.has({ ...key, size: 9 }), false);
      await assert.rejects(blobs.get({ ...key, size: 9 }), withId("BLOB_NOT_FOUND"));
    });

    test("a stream that breaks off leaves nothing, and its error is passed on", async (t) => {
      const { blobs } = await open(t);
      const bytes = pattern(300_000);
      const lost = new Error("connection lost");
      const isLost = (error: unknown) => error === lost;
      await assert.rejects(blobs.put(keyOf(bytes), broken(bytes.subarray(0, 200_000), lost)), isLost);
      await assert.rejects(blobs.upload(upload(0), broken(bytes, lost), MIB), isLost);
      assert.equal(await blobs.has(keyOf(bytes)), false);
      assert.deepEqual(await blobs.usage(TENANT), NOTHING);
      await assert.rejects(blobs.commitUpload(upload(0), keyOf(bytes)), withId("BLOB_NOT_FOUND"));
    });

    test("an aborted call rejects with the signal's reason, ends its source and leaves nothing", async (t) => {
      const { blobs } = await open(t);
      const bytes = pattern(MIB);
      const reason = new Error("enough");
      const isReason = (error: unknown) => error === reason;
      for (const start of [
        (source: AsyncIterable<Uint8Array>, signal: AbortSignal) => blobs.put(keyOf(bytes), source, signal),
        (source: AsyncIterable<Uint8Array>, signal: AbortSignal) => blobs.upload(upload(0), source, 2 * MIB, signal),
      ]) {
        const abort = new AbortController();
        let ended = false;
        const source = async function* () {
          try {
            for await (const chunk of stream(bytes)) {
              yield chunk;
              abort.abort(reason);
            }
          } finally {
            ended = true;
          }
        };
        await assert.rejects(start(source(), abort.signal), isReason);
        assert.equal(ended, true);
        await assert.rejects(start(stream(bytes), abort.signal), isReason);
        // A source that never gives anything must not keep an aborted call waiting.
        const silent = new AbortController();
        const starting = start(
          { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) },
          silent.signal,
        );
        silent.abort(reason);
        await assert.rejects(starting, isReason);
      }
      assert.deepEqual(await blobs.usage(TENANT), NOTHING);

      await blobs.put(keyOf(bytes), stream(bytes));
      await assert.rejects(blobs.get(keyOf(bytes), undefined, AbortSignal.abort(reason)), isReason);
      const abort = new AbortController();
      const reading = await blobs.get(keyOf(bytes), undefined, abort.signal);
      await assert.rejects(async () => {
        for await (const _ of reading) abort.abort(reason);
      }, isReason);
    });

    test("ranges are half-open and must lie within the blob", async (t) => {
      const { blobs } = await open(t);
      const size = 700_001;
      const bytes = pattern(size);
      const key = keyOf(bytes);
      await blobs.put(key, stream(bytes));
      for (const [start, end] of [
        [0, size],
        [0, 1],
        [size - 1, size],
        [65_535, 65_537],
        [123, 600_000],
        [0, 0],
        [size, size],
      ] as const)
        assert.deepEqual(
          await collect(await blobs.get(key, { start, end })),
          bytes.slice(start, end),
          `${start}..${end}`,
        );
      for (const [start, end] of [
        [0, size + 1],
        [size + 1, size + 1],
        [-1, 5],
        [5, 4],
        [0.5, 2],
        [Number.NaN, 2],
      ] as const)
        await assert.rejects(blobs.get(key, { start, end }), withId("BLOB_RANGE_INVALID"), `${start}..${end}`);
      await assert.rejects(blobs.get(keyOf(pattern(5)), { start: 0, end: 1 }), withId("BLOB_NOT_FOUND"));
    });

    test("a reader may stop early, and many may read at once", async (t) => {
      const { blobs } = await open(t);
      const bytes = pattern(2 * MIB);
      const key = keyOf(bytes);
      await blobs.put(key, stream(bytes));
      for await (const chunk of await blobs.get(key)) {
        assert.deepEqual(Uint8Array.from(chunk), bytes.slice(0, chunk.length));
        break;
      }
      const readings = await Promise.all(Array.from({ length: 10 }, async () => collect(await blobs.get(key))));
      for (const reading of readings) assert.deepEqual(keyOf(reading), key);
    });

    test("delete removes; a missing blob is fine", async (t) => {
      const { blobs, connect } = await open(t);
      const bytes = pattern(10);
      const key = keyOf(bytes);
      await blobs.delete(key);
      await blobs.put(key, stream(bytes));
      await blobs.delete(key);
      await blobs.delete(key);
      assert.equal(await (await connect()).has(key), false);
      await assert.rejects(blobs.get(key), withId("BLOB_NOT_FOUND"));
      await blobs.put(key, stream(bytes));
      assert.deepEqual(await collect(await blobs.get(key)), bytes);
    });

    test("an upload becomes a blob", async (t) => {
      const { blobs } = await open(t);
      for (const [n, size] of [0, 1, MIB + 3].entries()) {
        const bytes = pattern(size, n + 7);
        const stored = await blobs.upload(upload(n), stream(bytes), size);
        const key = keyOf(bytes);
        assert.deepEqual({ tenant: TENANT, ...stored }, key);
        assert.equal(await blobs.has(key), false);
        assert.equal((await blobs.usage(TENANT)).uploads, size);
        await blobs.commitUpload(upload(n), key);
        assert.deepEqual(await collect(await blobs.get(key)), bytes);
        assert.equal((await blobs.usage(TENANT)).uploads, 0);
      }
    });

    test("committing again is fine, so is an upload of a blob already there", async (t) => {
      const { blobs, connect } = await open(t);
      const bytes = pattern(5000);
      const key = keyOf(bytes);
      await blobs.upload(upload(0), stream(bytes), MIB);
      await Promise.all([blobs.commitUpload(upload(0), key), (await connect()).commitUpload(upload(0), key)]);
      await blobs.commitUpload(upload(0), key);
      await blobs.upload(upload(1, "another"), stream(bytes), MIB);
      await blobs.commitUpload(upload(1, "another"), key);
      assert.deepEqual(await blobs.usage(TENANT), { ...NOTHING, cas: 5000 });
      assert.deepEqual(await collect(await blobs.get(key)), bytes);
    });

    test("a commit needs the upload, and the upload must be what is expected", async (t) => {
      const { blobs } = await open(t);
      const bytes = pattern(5000);
      const expected = keyOf(pattern(5000, 2));
      await assert.rejects(blobs.commitUpload(upload(0), keyOf(bytes)), withId("BLOB_NOT_FOUND"));
      for (const wrong of [expected, { ...keyOf(bytes), size: 4999 }, { ...keyOf(bytes), sha256: expected.sha256 }]) {
        await blobs.upload(upload(0), stream(bytes), MIB);
        await assert.rejects(blobs.commitUpload(upload(0), wrong), withId("BLOB_DIGEST_MISMATCH"));
        assert.deepEqual(await blobs.usage(TENANT), NOTHING);
        assert.equal(await blobs.has(wrong), false);
        await assert.rejects(blobs.commitUpload(upload(0), keyOf(bytes)), withId("BLOB_NOT_FOUND"));
      }
    });

    test("a second upload replaces the first", async (t) => {
      const { blobs } = await open(t);
      const [first, second] = [pattern(3000, 1), pattern(2000, 2)];
      await blobs.upload(upload(0), stream(first), MIB);
      await blobs.upload(upload(0), stream(second), MIB);
      assert.equal((await blobs.usage(TENANT)).uploads, 2000);
      await blobs.commitUpload(upload(0), keyOf(second));
      await blobs.upload(upload(0), stream(first), MIB);
      await blobs.upload(upload(0), stream(second), MIB);
      await assert.rejects(blobs.commitUpload(upload(0), keyOf(first)), withId("BLOB_DIGEST_MISMATCH"));
    });

    test("an upload larger than allowed is refused while it comes, and nothing is kept", async (t) => {
      const { blobs } = await open(t);
      const bytes = pattern(100_000);
      let given = 0;
      const endless = async function* () {
        for (;;) {
          given += bytes.length;
          yield bytes;
        }
      };
      await assert.rejects(blobs.upload(upload(0), endless(), MIB), withId("BLOB_TOO_LARGE"));
      assert.ok(given <= 32 * MIB, `${given} bytes were taken`);
      await assert.rejects(blobs.upload(upload(0), stream(bytes), 99_999), withId("BLOB_TOO_LARGE"));
      assert.deepEqual(await blobs.usage(TENANT), NOTHING);
      await blobs.upload(upload(0), stream(bytes), 100_000);
    });

    test("dropping an attempt removes its uploads and no others", async (t) => {
      const { blobs } = await open(t);
      const bytes = pattern(100);
      await blobs.upload(upload(0, "a"), stream(bytes), MIB);
      await blobs.upload(upload(1, "a"), stream(bytes), MIB);
      await blobs.upload(upload(0, "a1"), stream(bytes), MIB);
      await blobs.upload(upload(0, "a", "other"), stream(bytes), MIB);
      await blobs.dropUploads(TENANT, "a");
      await blobs.dropUploads(TENANT, "a");
      await blobs.dropUploads("nobody", "a");
      for (const n of [0, 1])
        await assert.rejects(blobs.commitUpload(upload(n, "a"), keyOf(bytes)), withId("BLOB_NOT_FOUND"));
      await blobs.commitUpload(upload(0, "a1"), keyOf(bytes));
      await blobs.commitUpload(upload(0, "a", "other"), keyOf(bytes, "other"));
    });

    test("where a worker may write an upload itself, it is verified all the same", async (t) => {
      const { blobs } = await open(t);
      const bytes = pattern(300_000);
      const key = keyOf(bytes);
      const path = await blobs.localUploadPath(upload(0));
      if (path === undefined) {
        assert.equal(blobs.localPath(key), undefined, "a store that is no folder here gives no paths at all");
        return;
      }
      await assert.rejects(blobs.commitUpload(upload(0), key), withId("BLOB_NOT_FOUND"));
      const worker = await openFile(path, "w");
      t.after(() => worker.close());
      await worker.writeFile(bytes);
      await blobs.commitUpload(upload(0), key);
      // The worker still holds the file it wrote: what it does to it now must not reach the blob.
      await worker.write(new Uint8Array(1000), 0, 1000, 0);
      await worker.truncate(10);
      assert.deepEqual(await collect(await blobs.get(key)), bytes);
      await writeFile((await blobs.localUploadPath(upload(1))) as string, bytes.subarray(1));
      await assert.rejects(blobs.commitUpload(upload(1), key), withId("BLOB_DIGEST_MISMATCH"));
      await assert.rejects(blobs.commitUpload(upload(1), keyOf(bytes.subarray(1))), withId("BLOB_NOT_FOUND"));
      assert.deepEqual(await blobs.usage(TENANT), { ...NOTHING, cas: bytes.length });
    });

    test("uploads left behind are removed once nothing was written to them for the time given, and no others", async (t) => {
      const { blobs } = await open(t);
      const bytes = pattern(100);
      await blobs.upload(upload(0), stream(bytes), MIB);
      await blobs.upload(upload(0, "at-1_A", "other"), stream(bytes), MIB);
      const path = await blobs.localUploadPath(upload(1));
      if (path !== undefined) await writeFile(path, bytes);
      await blobs.put(keyOf(pattern(7)), stream(pattern(7)));
      await blobs.dropStaleUploads(TENANT, 3_600_000);
      assert.equal((await blobs.usage(TENANT)).uploads, path === undefined ? 100 : 200);
      for (let i = 0; i < 2; i++) await blobs.dropStaleUploads(TENANT, 0);
      await blobs.dropStaleUploads("nobody", 0);
      assert.deepEqual(await blobs.usage(TENANT), { ...NOTHING, cas: 7 });
      await assert.rejects(blobs.commitUpload(upload(0), keyOf(bytes)), withId("BLOB_NOT_FOUND"));
      await blobs.upload(upload(0), stream(bytes), MIB);
      await blobs.commitUpload(upload(0), keyOf(bytes));
      await blobs.commitUpload(upload(0, "at-1_A", "other"), keyOf(bytes, "other"));
    });

    blobUrlsConformance(open);

    test("malformed keys are refused before anything is touched", async (t) => {
      const { blobs } = await open(t);
      const refused = (call: Promise<unknown>) => assert.rejects(call, withId("BLOB_KEY_INVALID"));
      const good = keyOf(pattern(3));
      const badKeys: BlobKey[] = [
        ...["", "..", ".", "a/b", "../acme", "Acme", "a b", "ä", "x".repeat(64), "-a", "a\n", "a\0"].map((tenant) => ({
          ...good,
          tenant,
        })),
        ...[
          "",
          "../../etc/passwd",
          good.sha256.toUpperCase(),
          good.sha256.slice(1),
          `${good.sha256}0`,
          `${good.sha256}\n`,
          "g".repeat(64),
        ].map((sha256) => ({ ...good, sha256 })),
        ...[-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY].map((size) => ({ ...good, size })),
      ];
      for (const key of badKeys) {
        await refused(blobs.put(key, stream(pattern(3))));
        await refused(blobs.has(key));
        await refused(blobs.get(key));
        await refused(blobs.delete(key));
        await refused(blobs.commitUpload(upload(0), key));
        await refused(blobs.presignGet(key, LONG_MS, "outside"));
        assert.throws(() => blobs.localPath(key), withId("BLOB_KEY_INVALID"));
      }
      for (const key of [
        upload(-1),
        upload(0.5),
        ...["", "..", "a/b", "a.b", "a b", "x".repeat(129), "a\n"].map((attempt) => upload(0, attempt)),
        upload(0, "a", "../x"),
      ]) {
        await refused(blobs.upload(key, stream(pattern(3)), MIB));
        await refused(blobs.commitUpload(key, good));
        await refused(blobs.localUploadPath(key));
        await refused(blobs.presignPut(key, 3, LONG_MS, "outside"));
      }
      await refused(blobs.dropUploads(TENANT, ".."));
      await refused(blobs.dropUploads("..", "a"));
      await refused(blobs.dropStaleUploads("..", 0));
      // A commit never moves bytes from one tenant to another.
      await refused(blobs.commitUpload(upload(0), keyOf(pattern(3), "other")));
      const names = [
        "",
        "/",
        "/etc/passwd",
        "a/",
        "a//b",
        "..",
        "a/../b",
        "./a",
        "a/.",
        "a\\b",
        "a b",
        "a\0",
        "ä",
        "a\n",
        "x".repeat(256),
      ];
      for (const name of [...names, "1/2/3/4/5/6/7/8/9"]) {
        await refused(blobs.putNamed(TENANT, name, text("x")));
        await refused(blobs.createNamed(TENANT, name, text("x")));
        await refused(blobs.getNamed(TENANT, name));
        await refused(blobs.deleteNamed(TENANT, name));
      }
      await refused(blobs.putNamed("..", "a", text("x")));
      await refused(blobs.listNamed("..", "", undefined, 1));
      for (const limit of [0, 1001, 1.5]) await refused(blobs.listNamed(TENANT, "", undefined, limit));
      await refused(blobs.listNamed(TENANT, "ä", undefined, 1));
      await refused(blobs.usage(".."));
      assert.deepEqual(await blobs.usage(TENANT), NOTHING);
    });

    test("tenants never see each other's bytes", async (t) => {
      const { blobs } = await open(t);
      const bytes = pattern(100);
      await blobs.put(keyOf(bytes), stream(bytes));
      await blobs.putNamed(TENANT, "sidecars/a/1.json", text("acme"));
      await blobs.upload(upload(0), stream(bytes), MIB);
      const theirs = keyOf(bytes, "other");
      assert.equal(await blobs.has(theirs), false);
      await assert.rejects(blobs.get(theirs), withId("BLOB_NOT_FOUND"));
      assert.equal(await blobs.getNamed("other", "sidecars/a/1.json"), undefined);
      assert.deepEqual(await blobs.listNamed("other", "", undefined, 10), []);
      await assert.rejects(blobs.commitUpload(upload(0, "at-1_A", "other"), theirs), withId("BLOB_NOT_FOUND"));
      assert.deepEqual(await blobs.usage("other"), NOTHING);
      await blobs.delete(theirs);
      assert.equal(await blobs.has(keyOf(bytes)), true);
    });

    test("named documents are written whole, overwritten and deleted", async (t) => {
      const { blobs, connect } = await open(t);
      const other = await connect();
      const name = "sidecars/a_1/000001.json";
      assert.equal(await blobs.getNamed(TENANT, name), undefined);
      for (const content of ["first", "", "Grüße 🎬"]) {
        await blobs.putNamed(TENANT, name, text(content));
        assert.deepEqual(Uint8Array.from((await other.getNamed(TENANT, name)) ?? [255]), text(content));
      }
      const big = pattern(2 * MIB);
      await blobs.putNamed(TENANT, "1/2/3/4/5/6/7/8", big);
      assert.deepEqual(Uint8Array.from((await blobs.getNamed(TENANT, "1/2/3/4/5/6/7/8")) ?? []), big);
      await blobs.deleteNamed(TENANT, name);
      await blobs.deleteNamed(TENANT, name);
      await blobs.deleteNamed("nobody", name);
      assert.equal(await other.getNamed(TENANT, name), undefined);
      await blobs.putNamed(TENANT, name, text("again"));
      assert.deepEqual(await blobs.listNamed(TENANT, "sidecars/", undefined, 10), [name]);
    });

    test("a document is created only where none has its name", async (t) => {
      const { blobs, connect } = await open(t);
      const other = await connect();
      const name = "sidecars/a_1/1.json";
      assert.equal(await blobs.createNamed(TENANT, name, text("first")), true);
      assert.equal(await blobs.createNamed(TENANT, name, text("second")), false);
      assert.equal(await other.createNamed(TENANT, name, text("third")), false);
      assert.deepEqual(Uint8Array.from((await other.getNamed(TENANT, name)) ?? []), text("first"));
      await blobs.deleteNamed(TENANT, name);
      const all = Array.from({ length: 12 }, (_, i) => new Uint8Array(50_000).fill(i));
      const made = await Promise.all(all.map((bytes, i) => (i % 2 ? blobs : other).createNamed(TENANT, name, bytes)));
      assert.equal(made.filter(Boolean).length, 1);
      assert.deepEqual(Uint8Array.from((await blobs.getNamed(TENANT, name)) ?? []), all[made.indexOf(true)]);
    });

    test("of concurrent writers of one name one wins whole; neighbours come and go beside it", async (t) => {
      const { blobs, connect } = await open(t);
      const other = await connect();
      await Promise.all(
        Array.from({ length: 20 }, async (_, i) => {
          await (i % 2 ? blobs : other).putNamed(TENANT, "sidecars/a/1.json", new Uint8Array(100_000).fill(i));
          await blobs.putNamed(TENANT, `sidecars/b/${i}.json`, text("x"));
          await other.deleteNamed(TENANT, `sidecars/b/${i}.json`);
        }),
      );
      const bytes = await blobs.getNamed(TENANT, "sidecars/a/1.json");
      assert.equal(bytes?.length, 100_000);
      assert.equal(new Set(bytes).size, 1);
      assert.deepEqual(await blobs.listNamed(TENANT, "sidecars/", undefined, 10), ["sidecars/a/1.json"]);
    });

    test("names are listed by prefix, in order, page by page", async (t) => {
      const { blobs } = await open(t);
      const names = [
        "sidecars/a/1.json",
        "sidecars/a/10.json",
        "sidecars/a/2.json",
        "sidecars/a-b/1.json",
        "sidecars/a.b/1.json",
        "sidecars/a0/1.json",
        "sidecars/B/1.json",
        "sidecars/b/deep/er/1.json",
        "sidecars.json",
        "exports/a/film.srt",
        "zz",
      ];
      await Promise.all(names.map((name) => blobs.putNamed(TENANT, name, text(name))));
      const ordered = names.toSorted(byUtf8);
      for (const prefix of [
        "",
        "sidecars/",
        "sidecars",
        "sidecars/a",
        "sidecars/a/",
        "sidecars/a/1",
        "exports/a/film.srt",
        "zz",
        "zzz",
        "z/",
        "nothing/",
      ]) {
        const want = ordered.filter((name) => name.startsWith(prefix));
        assert.deepEqual(await blobs.listNamed(TENANT, prefix, undefined, 1000), want, prefix);
        const paged: string[] = [];
        for (;;) {
          const page = await blobs.listNamed(TENANT, prefix, paged.at(-1), 2);
          assert.ok(page.length <= 2);
          if (page.length === 0) break;
          paged.push(...page);
        }
        assert.deepEqual(paged, want, prefix);
      }
      assert.deepEqual(await blobs.listNamed(TENANT, "", "sidecars/a/1", 2), [
        "sidecars/a/1.json",
        "sidecars/a/10.json",
      ]);
      assert.deepEqual(await blobs.listNamed(TENANT, "sidecars/a", "zz", 2), []);
      assert.deepEqual(await blobs.listNamed("nobody", "", undefined, 2), []);
    });

    test("usage says the bytes by kind", async (t) => {
      const { blobs } = await open(t);
      assert.deepEqual(await blobs.usage(TENANT), NOTHING);
      await blobs.put(keyOf(pattern(1000)), stream(pattern(1000)));
      await blobs.put(keyOf(pattern(500, 2)), stream(pattern(500, 2)));
      await blobs.upload(upload(0), stream(pattern(300)), MIB);
      await blobs.putNamed(TENANT, "sidecars/a/1.json", text("1234567"));
      assert.deepEqual(await blobs.usage(TENANT), { cas: 1500, uploads: 300, sidecars: 7 });
      await blobs.delete(keyOf(pattern(500, 2)));
      await blobs.deleteNamed(TENANT, "sidecars/a/1.json");
      await blobs.dropUploads(TENANT, "at-1_A");
      assert.deepEqual(await blobs.usage(TENANT), { ...NOTHING, cas: 1000 });
    });

    test("free bytes are a number or unknown; paths are given for both or neither", async (t) => {
      const { blobs } = await open(t);
      const free = await blobs.freeBytes();
      assert.ok(free === undefined || (Number.isSafeInteger(free) && free > 0));
      const bytes = pattern(64);
      await blobs.put(keyOf(bytes), stream(bytes));
      const path = blobs.localPath(keyOf(bytes));
      assert.equal(path === undefined, (await blobs.localUploadPath(upload(0))) === undefined);
      if (path === undefined) return;
      const file = await openFile(path, "r");
      t.after(() => file.close());
      assert.deepEqual(Uint8Array.from(await file.readFile()), bytes);
    });
  });
}
