import { EVERY_TENANT, OPERATOR_TENANT } from "@heimdex/access";
import type { StageRegistryServiceImplementation } from "@heimdex/contracts/stage/v1/stage_registry_service";
import { type FieldViolation, HeimdexError } from "@heimdex/errors";
import type { ModelRef, SessionRecord, StageRecord } from "@heimdex/kernel";
import { readManifest } from "./manifest.ts";
import type { Offer, Sessions } from "./sessions.ts";
import { stageMessage } from "./stage-message.ts";
import type { StageRegistry } from "./stage-registry.ts";

const MAX_MODELS = 32;
const REASON = /^[A-Z][A-Z0-9_]{0,63}$/;

export interface RegistryParts {
  readonly registry: StageRegistry;
  readonly sessions: Sessions;
  /** A session that was silent for so long is not counted as a worker, ms. */
  readonly silentAfterMs: number;
  readonly onRegistered: (stage: string) => void;
}

/** StageRegistryService over the registry. */
export function stageRegistryService({
  registry,
  sessions,
  silentAfterMs,
  onRegistered,
}: RegistryParts): StageRegistryServiceImplementation {
  const serving = (stage: string, version: string) => sessions.serving(stage, Date.now() - silentAfterMs, version);
  const show = async (stage: StageRecord) =>
    stageMessage(stage, await serving(stage.manifest.name, stage.manifest.version));
  return {
    async registerStage(request, context) {
      const session = await sessions.authenticate(request.session, context.metadata.get("authorization"));
      const manifest = readManifest(request.manifest);
      checkUnavailable(request.unavailableReason, request.unavailableHelp);
      const { name, version } = manifest;
      checkMayServe(session, name);
      const { interactive, unavailableReason: unavailable } = request;
      const models = readModels(request.models);
      checkDeclared(session, models);
      sessions.seen(session.id, Date.now());
      const offer: Offer = { stage: name, version, models, unavailable, interactive };
      // Before the stage is looked at: what this session offered earlier says nothing any more.
      const withdrawn = (stages: readonly Offer[]) => stages.filter((other) => other.stage !== name);
      if (session.stages.some((other) => other.stage === name && other.unavailable === "" && unavailable !== ""))
        await sessions.change(session.id, (latest) => ({ ...latest, stages: withdrawn(latest.stages) }));
      const stage = shapesPlans(session)
        ? await registry.register({
            manifest,
            models,
            unavailableReason: unavailable,
            unavailableHelp: request.unavailableHelp,
            interactive,
            isServed: async (served) => (await serving(name, served)) > 0,
          })
        : await registry.confirm(manifest);
      await sessions.change(session.id, (latest) => ({ ...latest, stages: [...withdrawn(latest.stages), offer] }));
      onRegistered(name);
      return { stage: await show(stage) };
    },
    async getStage(request, context) {
      await sessions.byToken(context.metadata.get("authorization"));
      return show(await registry.require(request.name));
    },
    async listStages(request, context) {
      await sessions.byToken(context.metadata.get("authorization"));
      const size = Math.min(request.pageSize || 100, 1000);
      const all = (await registry.list()).filter((stage) => stage.manifest.name > request.pageToken);
      const page = all.slice(0, size);
      return {
        stages: await Promise.all(page.map(show)),
        nextPageToken: all.length > size ? (page.at(-1)?.manifest.name ?? "") : "",
      };
    },
    async retireStage(request, context) {
      const session = await sessions.byToken(context.metadata.get("authorization"));
      checkMayServe(session, request.name);
      if (!shapesPlans(session))
        throw new HeimdexError("PERMISSION_DENIED", "a worker of one tenant takes no stage out of everybody's plans");
      return show(await registry.retire(request.name));
    },
  };
}

/** Whether what a session registers is for all: the list of stages is one, and so are the plans that are made of it. */
function shapesPlans({ tenant }: SessionRecord): boolean {
  return tenant === EVERY_TENANT || tenant === OPERATOR_TENANT;
}

/** Throws PERMISSION_DENIED when the session's key is for other stages. */
function checkMayServe({ mayServe }: SessionRecord, stage: string): void {
  if (mayServe.length === 0 || mayServe.includes(stage)) return;
  throw new HeimdexError("PERMISSION_DENIED", `the key is for ${mayServe.join(", ")}, and not for ${stage}`, {
    metadata: { stage },
  });
}

/** Throws STAGE_INVALID when the session has declared one of these models with another digest, for this stage or another: plans, caches and sidecars hold what was
 * declared, so bytes that have changed under a worker are another session's. */
function checkDeclared({ stages }: SessionRecord, models: readonly ModelRef[]): void {
  const bad = models.flatMap(({ id, sha256 }, i) => {
    const other = stages.find((offer) => offer.models.some((model) => model.id === id && model.sha256 !== sha256));
    if (other === undefined) return [];
    const description = `is not the digest that this session declared ${id} with for ${other.stage}: a worker whose model has changed opens a new session`;
    return [{ field: `models[${i}].sha256`, description }];
  });
  refuse(bad);
}

function checkUnavailable(reason: string, help: string): void {
  const bad: FieldViolation[] = [
    ...(reason === "" || REASON.test(reason)
      ? []
      : [{ field: "unavailable_reason", description: "a stable id in capitals such as NO_MODEL" }]),
    ...(help.length <= 1000 ? [] : [{ field: "unavailable_help", description: "at most 1,000 characters" }]),
  ];
  refuse(bad);
}

function refuse(bad: readonly FieldViolation[]): void {
  if (bad.length === 0) return;
  const what = bad.map(({ field, description }) => `${field}: ${description}`).join("; ");
  throw new HeimdexError("STAGE_INVALID", what, { fields: bad });
}

function readModels(models: readonly ModelRef[]): ModelRef[] {
  const ids = new Set<string>();
  const bad: FieldViolation[] = models.length <= MAX_MODELS ? [] : [{ field: "models", description: "at most 32" }];
  for (const [index, { id, sha256, licence }] of models.entries()) {
    const check = (ok: boolean, field: string, description: string) => {
      if (!ok) bad.push({ field: `models[${index}].${field}`, description });
    };
    check(id !== "" && id.length <= 128, "id", "1 to 128 characters");
    check(!ids.has(id), "id", `${id} is there twice`);
    check(/^[0-9a-f]{64}$/.test(sha256), "sha256", "64 lower-case hexadecimal digits");
    check(licence.length <= 128, "licence", "at most 128 characters");
    ids.add(id);
  }
  refuse(bad);
  return models.map(({ id, sha256, licence }) => ({ id, sha256, licence }));
}
