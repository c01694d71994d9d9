import type { StageRegistryServiceImplementation } from "@heimdex/contracts/stage/v1/stage_registry_service";
import { HeimdexError } from "@heimdex/errors";
import type { ModelRef, SessionRecord } from "@heimdex/kernel";
import { readManifest } from "./manifest.ts";
import type { Sessions } from "./sessions.ts";
import { stageMessage } from "./stage-message.ts";
import type { StageRegistry } from "./stage-registry.ts";

/** StageRegistryService over the registry. `onRegistered` hears of every registration. */
export function stageRegistryService(
  registry: StageRegistry,
  sessions: Sessions,
  onRegistered: (stage: string) => void,
): StageRegistryServiceImplementation {
  return {
    async registerStage(request, context) {
      const session = await sessions.authenticate(request.session, context.metadata.get("authorization"));
      const manifest = readManifest(request.manifest);
      const models = readModels(request.models);
      const stage = await registry.register({
        manifest,
        models,
        unavailableReason: request.unavailableReason,
        unavailableHelp: request.unavailableHelp,
        interactive: request.interactive,
      });
      const offer: SessionRecord["stages"][number] = {
        stage: manifest.name,
        version: manifest.version,
        models,
        unavailable: request.unavailableReason,
        interactive: request.interactive,
      };
      const latest = sessions.get(session.id) ?? session;
      await sessions.update({
        ...latest,
        stages: [...latest.stages.filter((other) => other.stage !== manifest.name), offer],
      });
      onRegistered(manifest.name);
      return { stage: stageMessage(stage, sessions.serving(manifest.name).length) };
    },
    async getStage(request) {
      const stage = await registry.get(request.name);
      if (stage === undefined)
        throw new HeimdexError("NOT_FOUND", `there is no stage ${request.name}`, { metadata: { stage: request.name } });
      return stageMessage(stage, sessions.serving(request.name).length);
    },
    async listStages(request) {
      const size = Math.min(request.pageSize || 100, 1000);
      const all = (await registry.list()).filter((stage) => stage.manifest.name > request.pageToken);
      const page = all.slice(0, size);
      return {
        stages: page.map((stage) => stageMessage(stage, sessions.serving(stage.manifest.name).length)),
        nextPageToken: all.length > size ? (page.at(-1)?.manifest.name ?? "") : "",
      };
    },
    async retireStage(request, context) {
      await sessions.authenticate(
        context.metadata.get("x-heimdex-session") ?? "",
        context.metadata.get("authorization"),
      );
      return stageMessage(await registry.retire(request.name), sessions.serving(request.name).length);
    },
  };
}

function readModels(models: readonly ModelRef[]): ModelRef[] {
  const bad = models.flatMap((model, index) => {
    const at = `models[${index}]`;
    return [
      ...(model.id !== "" && model.id.length <= 128 ? [] : [{ field: `${at}.id`, description: "1 to 128 characters" }]),
      ...(/^[0-9a-f]{64}$/.test(model.sha256)
        ? []
        : [{ field: `${at}.sha256`, description: "64 lower-case hexadecimal digits" }]),
    ];
  });
  if (bad.length > 0)
    throw new HeimdexError(
      "STAGE_INVALID",
      bad.map(({ field, description }) => `${field}: ${description}`).join("; "),
      { fields: bad },
    );
  return models.map(({ id, sha256, licence }) => ({ id, sha256, licence }));
}
