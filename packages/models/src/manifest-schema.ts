import { z } from "zod";

/** Sets of models: those that come with Heimdex, and larger ones. */
export const PROFILES = ["bundled", "standard"] as const;
export type Profile = (typeof PROFILES)[number];

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** Bytes. */
const size = z.int().min(0);

/** A path that stays within its folder: segments that begin with a letter, a digit or `_`, so no `..`, no hidden file (the model
 * folder's own marks are such), nothing absolute, no backslash. */
const relativePath = z
  .string()
  .max(255)
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*(\/[A-Za-z0-9_][A-Za-z0-9._-]*)*$/, "a file's path must stay within its folder");

/** Files of an npm package, fetched with the user's own npm client (and so from the registry it is set to). */
const npmSource = z.strictObject({
  kind: z.literal("npm"),
  package: z.string().min(1),
  version: z.string().min(1),
  /** Subresource integrity of the tarball as the registry states it: `sha512-` and base64. */
  integrity: z.string().regex(/^sha512-[A-Za-z0-9+/]{86}==$/),
  /** Bytes of the tarball: what is downloaded. */
  size: size.min(1),
});

/** Files of a repository on a model hub that speaks the Hugging Face hub's paths. */
const hfSource = z.strictObject({
  kind: z.literal("hf"),
  repo: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*\/[A-Za-z0-9_][A-Za-z0-9._-]*$/),
  /** Commit, tag or branch. Resolved to a commit at the first pull; from then on that commit is meant. */
  revision: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/),
});

/** Files of any web server, each at `baseUrl` + its path. */
const httpsSource = z.strictObject({
  kind: z.literal("https"),
  baseUrl: z.url({ protocol: /^https$/ }).regex(/\/$/, "baseUrl must end with a slash"),
});

/** Files in a folder of this machine. */
const folderSource = z.strictObject({ kind: z.literal("folder"), path: z.string().startsWith("/") });

/** What the system's package manager installs: found, never fetched. */
const systemSource = z.strictObject({
  kind: z.literal("system"),
  /** Commands that install it, by package manager. */
  install: z.strictObject({ apt: z.string().min(1), brew: z.string().min(1) }),
  /** Environment variable that names its folder. */
  env: z.string().regex(/^HEIMDEX_[A-Z_]+$/),
  /** Where packages put it; the first that has the files counts. */
  folders: z.array(z.string().startsWith("/")).min(1),
});

/** Where a model comes from. */
export const modelSource = z.discriminatedUnion("kind", [npmSource, hfSource, httpsSource, folderSource, systemSource]);
export type ModelSource = z.infer<typeof modelSource>;
export type NpmSource = z.infer<typeof npmSource>;
export type HfSource = z.infer<typeof hfSource>;
export type SystemSource = z.infer<typeof systemSource>;

export const modelFile = z.strictObject({
  /** Path within the source. Default: the file's key; absent for `npm:` where the recipe makes the file. */
  path: relativePath.optional(),
  /** What the file must be. Where it is not stated, it is what the source states or held at the first pull, as the lock file records it. */
  sha256: sha256.optional(),
  size: size.optional(),
  /** May be absent at the source; default false. Not for sources whose digests the manifest states. */
  optional: z.boolean().optional(),
});
export type ModelFile = z.infer<typeof modelFile>;

/** Turns one large file of the source into smaller ones as it is read; the original is not kept. */
export const modelRecipe = z.strictObject({
  kind: z.literal("word-vectors"),
  /** Path within the source of what it reads. */
  path: relativePath,
  sha256,
  size: size.min(1),
});
export type ModelRecipe = z.infer<typeof modelRecipe>;

export const modelEntrySchema = z
  .strictObject({
    id: z.string().regex(/^[a-z0-9][a-z0-9.-]*$/),
    profiles: z.array(z.enum(PROFILES)).min(1),
    /** One line for people. */
    purpose: z.string().min(1),
    /** Stages that use it. */
    stages: z.array(z.string().min(1)).min(1),
    /** Whether its stages can be set to it; default true. False: it helps whatever model they are set to. */
    choice: z.boolean().optional(),
    /** Version of the weights as their makers count. */
    revision: z.string().min(1),
    licence: z.strictObject({
      /** SPDX expression for everything in the model's folder. */
      spdx: z.string().min(1),
      /** Who grants what, as far as the package and its upstream say. */
      note: z.string().min(1),
    }),
    source: modelSource,
    /** By path within the model's folder. */
    files: z.record(relativePath, modelFile),
    recipe: modelRecipe.optional(),
    /** What runs it; `heimdex`: our own code. */
    runtime: z.enum(["onnxruntime", "tfjs-wasm", "transformers.js", "sherpa-onnx", "pocketsphinx", "heimdex"]),
    /** What must be done to its input; a change of it is a change of results. */
    preprocessing: z.string().min(1),
  })
  .superRefine((entry, context) => {
    const wrong = (name: string, message: string) =>
      context.addIssue({ code: "custom", path: ["files", name], message: `${entry.id}: ${message}` });
    const names = Object.keys(entry.files);
    const { kind } = entry.source;
    for (const [name, file] of Object.entries(entry.files)) {
      const stated = file.sha256 !== undefined && file.size !== undefined;
      if ((kind === "npm" || kind === "https") && (!stated || file.optional))
        wrong(name, `a file of a source ${kind} needs its sha256 and size, and is not optional`);
      if (kind === "npm" && file.path === undefined && entry.recipe === undefined)
        wrong(name, "a file without a path needs a recipe that makes it");
      if (names.some((other) => other.startsWith(`${name}/`))) wrong(name, "a file cannot be a folder of another file");
    }
    if (entry.recipe !== undefined && kind !== "npm") wrong("", "recipes read npm packages");
  });
export type ModelEntry = z.infer<typeof modelEntrySchema>;
/** An entry as the manifest's files write it. */
export type ModelEntryInput = z.input<typeof modelEntrySchema>;
