import type { Job as JobMessage } from "@heimdex/contracts/v1/job";
import { HeimdexError } from "@heimdex/errors";
import type { AssetRecord, Job } from "@heimdex/kernel";
import type { Catalog, Document } from "@heimdex/ports";
import { jobMessage } from "./job-message.ts";
import { LiveSessions } from "./sessions.ts";

/** Reads jobs from the catalog as the API shows them. */
export class JobReader {
  readonly #catalog: Catalog;
  readonly #sessionTtlMs: number;

  constructor(catalog: Catalog, sessionTtlMs: number) {
    this.#catalog = catalog;
    this.#sessionTtlMs = sessionTtlMs;
  }

  /** The job's document. @throws HeimdexError JOB_NOT_FOUND, for another tenant's too */
  async document(tenant: string, id: string): Promise<Document<Job>> {
    const document = await this.#catalog.get<Job>("jobs", id);
    if (document === undefined || document.body.tenant !== tenant)
      throw new HeimdexError("JOB_NOT_FOUND", `there is no job ${id}`, { metadata: { job: id } });
    return document;
  }

  /** Messages of several jobs of a tenant; assets and sessions are read once for all. */
  async messages(
    tenant: string,
    documents: readonly Document<Job>[],
  ): Promise<(document: Document<Job>) => JobMessage> {
    const ids = [...new Set(documents.map(({ body }) => body.asset).filter((id) => id !== ""))];
    const [assets, sessions] = await Promise.all([
      ids.length === 0 ? [] : this.#catalog.getMany<AssetRecord>("assets", ids),
      LiveSessions.read(this.#catalog, tenant, this.#sessionTtlMs),
    ]);
    const byId = new Map(assets.map((asset) => [asset?.id, asset?.body]));
    return (document) => jobMessage(document, byId.get(document.body.asset), sessions);
  }

  /** One job, and whether nothing of it will change any more. @throws HeimdexError JOB_NOT_FOUND */
  async read(tenant: string, id: string): Promise<{ readonly job: JobMessage; readonly settled: boolean }> {
    const document = await this.document(tenant, id);
    const toMessage = await this.messages(tenant, [document]);
    return { job: toMessage(document), settled: document.body.endedAtMs !== 0 && document.body.settled };
  }
}
