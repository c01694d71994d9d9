import { type EngineOptions, EngineProcess, modelFailure } from "@heimdex/engine";
import type { PresentModel } from "./model-in-use.ts";

/** The engine process of the model a stage is set to; that of another model takes its place. */
export class ModelEngine<Init, Request, Response> {
  readonly #entry: URL;
  readonly #init: (model: PresentModel) => Init;
  readonly #options: EngineOptions;
  #running: { readonly digest: string; readonly process: EngineProcess<Init, Request, Response> } | undefined;

  /** @param entry module that calls `hostEngine`
   * @param init what it is started with */
  constructor(entry: URL, init: (model: PresentModel) => Init, options: EngineOptions = {}) {
    this.#entry = entry;
    this.#init = init;
    this.#options = options;
  }

  /** Starts the process and loads the model. @throws EngineError, EngineLost; `signal.reason` */
  async start(model: PresentModel, signal: AbortSignal): Promise<void> {
    await this.#of(model).start(signal);
  }

  /** One answer. @throws StageFailure when the engine or the model is at fault; EngineError when the request is; `signal.reason` */
  async ask(
    model: PresentModel,
    request: Request,
    attempt: { readonly signal: AbortSignal; readonly cpu: (ms: number) => void },
  ): Promise<Response> {
    const { value, cpuMs } = await this.#of(model)
      .call(request, attempt.signal)
      .catch((error) => {
        throw modelFailure(model.id, error);
      });
    attempt.cpu(cpuMs);
    return value;
  }

  #of(model: PresentModel): EngineProcess<Init, Request, Response> {
    if (this.#running?.digest !== model.sha256) {
      void this.#running?.process[Symbol.asyncDispose]();
      const process = new EngineProcess<Init, Request, Response>(this.#entry, this.#init(model), this.#options);
      this.#running = { digest: model.sha256, process };
    }
    return this.#running.process;
  }
}
