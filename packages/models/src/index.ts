export { bundledChoice, choicesFor, chosenModel, STAGE_MODELS_VARIABLE } from "./chosen-model.ts";
export { type ListedModel, listModels } from "./list.ts";
export { type LocatedModel, type LocateOptions, locateModel } from "./locate.ts";
export { MODELS, modelEntry } from "./manifest.ts";
export type { ModelEntry, ModelEntryInput, ModelFile, ModelRecipe, ModelSource } from "./manifest-schema.ts";
export { modelFolder } from "./model-folder.ts";
export { type PullEvent, type PulledModel, type PullOptions, pullModels } from "./pull.ts";
export { type VerifiedModel, verifyModels } from "./verify.ts";
