import { HeimdexError } from "@heimdex/errors";
import { z } from "zod";
import type { AutoscalerConfig } from "./config.ts";
import { fetchJson } from "./fetch-json.ts";

const token = z.object({ access_token: z.string().min(1) });
/** Of `google.cloud.run.v2.WorkerPool`. A count of 0 may be left out, as proto3 JSON may leave out what is zero. */
const workerPool = z.object({
  scaling: z.object({ manualInstanceCount: z.number().int().min(0).default(0) }).prefault({}),
  updateTime: z.iso.datetime({ offset: true }).optional(),
  etag: z.string().optional(),
});
const operation = z.object({ error: z.object({ message: z.string() }).optional() });

export interface WorkerPool {
  /** `projects/PROJECT/locations/REGION/workerPools/NAME` */
  readonly name: string;
  readonly instances: number;
  /** Unix ms of the last change, by whomever; undefined where Cloud Run says none. */
  readonly changedAtMs: number | undefined;
  readonly etag: string | undefined;
}

/** Cloud Run's worker pools, by its Admin API v2, as the service account that this container runs as. Its methods throw as `fetchJson` does. */
export class WorkerPools {
  readonly #runUrl: string;
  readonly #authorization: string;

  private constructor(runUrl: string, authorization: string) {
    this.#runUrl = runUrl;
    this.#authorization = authorization;
  }

  static async open({ runUrl, metadataHost }: AutoscalerConfig): Promise<WorkerPools> {
    const { access_token } = await fetchJson(
      token,
      `http://${metadataHost}/computeMetadata/v1/instance/service-accounts/default/token`,
      { headers: { "metadata-flavor": "Google" } },
      {
        what: "asking for a token of this service's account",
        help: "The autoscaler runs on Google Cloud, with a service account.",
      },
    );
    return new WorkerPools(runUrl, `Bearer ${access_token}`);
  }

  async get(name: string): Promise<WorkerPool> {
    const { scaling, updateTime, etag } = await fetchJson(
      workerPool,
      this.#urlOf(name),
      { headers: { authorization: this.#authorization } },
      { what: `reading worker pool ${name}`, help: "The autoscaler's account needs run.workerpools.get on it." },
    );
    const changedAtMs = updateTime === undefined ? undefined : Date.parse(updateTime);
    return { name, instances: scaling.manualInstanceCount, changedAtMs, etag };
  }

  /** Asks for so many instances; they come and go after the answer. Rejects with POOL_CHANGED when the pool was changed since it was read. */
  async resize({ name, etag }: WorkerPool, instances: number): Promise<void> {
    const problem = {
      what: `setting worker pool ${name} to ${instances} instances`,
      help: "The autoscaler's account needs run.workerpools.update on it, and iam.serviceAccounts.actAs on the pool's account.",
    };
    const { error } = await fetchJson(
      operation,
      `${this.#urlOf(name)}?updateMask=scaling.manualInstanceCount`,
      {
        method: "PATCH",
        headers: { authorization: this.#authorization },
        body: { name, etag, scaling: { manualInstanceCount: instances } },
      },
      problem,
    );
    if (error !== undefined)
      throw new HeimdexError("INTERNAL", `${problem.what}: ${error.message}`, { help: problem.help });
  }

  #urlOf(name: string): string {
    return new URL(`/v2/${name}`, this.#runUrl).href;
  }
}
