import { readFile } from "node:fs/promises";
import type { Manifest, Port } from "@heimdex/contracts/stage/v1/stage";
import { MEDIA_SCHEMA, NEIGHBOUR_SCHEMA, SOURCE_SCHEMA } from "@heimdex/kernel";
import { type AnyStage, defineStage, serveStages, source } from "@heimdex/stage-sdk";
import { startTelemetry } from "@heimdex/telemetry";
import { Broken } from "./check.ts";
import type { FilmKind, Films } from "./films.ts";
import type { KitServer } from "./kit-server.ts";
import { canMake, sample } from "./samples.ts";

/** Files the user gives for input ports, by port name. */
export type GivenInputs = Readonly<Record<string, readonly string[]>>;

const portKey = ({ mediaType, schema, major }: Port) => `${mediaType} ${schema}/${major}`;

/** Input ports of a stage that the kit has nothing for: required ones whose schema it does not know, and no file was given. */
function missingInputs(manifest: Manifest, given: GivenInputs): Port[] {
  return manifest.inputs.filter(
    (port) => !isBuiltIn(port) && !port.optional && !canMake(port.schema) && given[port.name] === undefined,
  );
}

/** A stage that puts out whatever the stage under test takes, and says what the media are, unless that is what the stage under test does. Undefined when
 * there is nothing left to put out. Throws Broken for a port that it has nothing for.
 * @param kinds what the film of a name is like, where it is not plain */
export function feederStage(
  manifest: Manifest,
  given: GivenInputs,
  films: Films,
  kinds: ReadonlyMap<string, FilmKind>,
): AnyStage | undefined {
  const [missing] = missingInputs(manifest, given);
  if (missing !== undefined) {
    const { name, mediaType, schema } = missing;
    throw new Broken(
      `the kit has nothing for the input port ${name} (${mediaType}, ${schema}): give it a file with --input ${name}=FILE`,
    );
  }
  const wanted = new Map<string, { port: Port; files: readonly string[] | undefined }>();
  for (const port of manifest.inputs) {
    const files = given[port.name];
    if (!isBuiltIn(port) && (files !== undefined || canMake(port.schema))) wanted.set(portKey(port), { port, files });
  }
  const isMedia = (port: Port) => port.schema === MEDIA_SCHEMA;
  const media = { ...(manifest.inputs[0] as Port), mediaType: "application/json", schema: MEDIA_SCHEMA, major: 1 };
  if (!manifest.inputs.some(isMedia) && !manifest.outputs.some(isMedia))
    wanted.set(portKey(media), { port: { ...media, many: false, optional: false }, files: undefined });
  const outputs = [...wanted.values()].map(({ port, files }, index) => [`p${index}`, port, files] as const);
  if (outputs.length === 0) return undefined;
  return defineStage({
    name: "kit.feeder",
    version: "1.0.0",
    behaviour: 1,
    description: "Puts out what the stage under test takes",
    inputs: { source: source() },
    outputs: Object.fromEntries(
      outputs.map(([name, { mediaType, schema, major, many }]) => [
        name,
        { mediaType, schema, major, many, optional: !many },
      ]),
    ),
    slots: 8,
    async run({ asset, sourceName }) {
      const all = outputs.map(async ([name, port, files]) => {
        const made =
          files === undefined
            ? await sample(port.schema, kinds.get(sourceName) ?? "plain", asset, films)
            : await Promise.all(files.map((file) => readFile(file)));
        const bytes = (made ?? []).map((one) => ({ bytes: one }));
        return [name, port.many ? bytes : bytes[0]] as const;
      });
      return Object.fromEntries(await Promise.all(all)) as never;
    },
  });
}

function isBuiltIn({ schema }: Port): boolean {
  return schema === SOURCE_SCHEMA || schema === NEIGHBOUR_SCHEMA;
}

/** Serves the feeding stage, if there is one, until it is disposed of. */
export class Feeder implements AsyncDisposable {
  readonly #stop: AbortController;
  readonly #served: Promise<void>;

  private constructor(stop: AbortController, served: Promise<void>) {
    this.#stop = stop;
    this.#served = served;
  }

  /** Resolves when the stage is registered. */
  static async start(server: KitServer, stage: AnyStage | undefined): Promise<Feeder> {
    const stop = new AbortController();
    if (stage === undefined) return new Feeder(stop, Promise.resolve());
    const telemetry = startTelemetry("feeder", { logLevel: "silent", otlpEndpoint: "" });
    const options = { orchestrator: server.address, worker: "kit", graceMs: 0, signal: stop.signal, telemetry };
    const feeder = new Feeder(stop, serveStages([stage], options));
    await server.registered(stage.name);
    return feeder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#served;
  }
}
