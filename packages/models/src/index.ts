export { bundledChoice, choicesFor, chosenModel, profileChoice, STAGE_MODELS_VARIABLE } from "./chosen-model.ts";
export type { FetchLimits } from "./fetch-limits.ts";
export { type ListedModel, listModels } from "./list.ts";
export { type LocatedModel, type LocateOptions, locateModel } from "./locate.ts";
export { MODELS, modelEntry } from "./manifest.ts";
export {
  type ModelEntry,
  type ModelEntryInput,
  type ModelFile,
  type ModelRecipe,
  type ModelSource,
  PROFILES,
  type Profile,
} from "./manifest-schema.ts";
export { modelFolder } from "./model-folder.ts";
export { type PullEvent, type PulledModel, type PullOptions, pullModels } from "./pull.ts";
export { type RemovedModel, removeModel } from "./remove.ts";
export { type VerifiedModel, verifyModels } from "./verify.ts";
