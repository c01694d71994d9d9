import { env } from "@huggingface/transformers";

/** From now on this process reads models from local folders and nowhere else: no hub, no cache of its own. */
export function localModelsOnly(): void {
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.useFSCache = false;
  env.useBrowserCache = false;
}
