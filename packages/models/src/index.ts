export { type ListedModel, listModels } from "./list.ts";
export { type LocatedModel, type LocateOptions, locateModel } from "./locate.ts";
export { MODELS } from "./manifest.ts";
export type { ModelEntry, ModelFile, ModelRecipe, ModelSource } from "./manifest-schema.ts";
export { modelDigest, modelFolder } from "./model-folder.ts";
export { type PullEvent, type PulledModel, type PullOptions, pullModels } from "./pull.ts";
export { type VerifiedModel, verifyModels } from "./verify.ts";
