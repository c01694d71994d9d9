import {
  type CompleteUploadRequest,
  type CreateUploadRequest,
  type Upload,
  Upload_State,
} from "@heimdex/contracts/v1/upload";
import { HeimdexError } from "@heimdex/errors";
import { openUploadsTerm, type UploadRecord, uploadId } from "@heimdex/kernel";
import type { Blobs, Catalog } from "@heimdex/ports";
import { uploadUri } from "@heimdex/sources";
import type { Call } from "./call.ts";
import type { GatewayConfig } from "./config.ts";
import type { SignedPaths } from "./signed-paths.ts";
import { blobOf, corrupt, readUpload, settleUpload, writeUpload } from "./uploads.ts";
import { Violations } from "./violations.ts";

/** When to ask again for an upload: some will be through by then. */
const RETRY_AFTER_MS = 5_000;

/** heimdex.v1.UploadService. */
export class UploadService {
  readonly #catalog: Catalog;
  readonly #blobs: Blobs;
  readonly #signedPaths: SignedPaths;
  readonly #config: GatewayConfig;
  readonly #httpUrl: () => string;

  constructor(catalog: Catalog, blobs: Blobs, signedPaths: SignedPaths, config: GatewayConfig, httpUrl: () => string) {
    this.#catalog = catalog;
    this.#blobs = blobs;
    this.#signedPaths = signedPaths;
    this.#config = config;
    this.#httpUrl = httpUrl;
  }

  async createUpload({ name, size, sha256 }: CreateUploadRequest, call: Call): Promise<Upload> {
    const { tenant } = call.caller;
    const violations = new Violations();
    violations.check(/^\P{Cc}{1,255}$/u.test(name), "name", "must be 1 to 255 characters, none a control character");
    violations.check(Number.isSafeInteger(size) && size > 0, "size", "must be the number of bytes, more than 0");
    violations.check(/^[0-9a-f]{64}$/.test(sha256), "sha256", "must be 64 lower-case hexadecimal digits");
    violations.throwIfAny();
    const { uploadBytes } = this.#config.limits;
    if (uploadBytes > 0 && size > uploadBytes)
      throw new HeimdexError("SOURCE_TOO_LARGE", `${name} has ${size} bytes, and at most ${uploadBytes} are taken`, {
        metadata: { limit: String(uploadBytes) },
      });
    const upload = uploadId(sha256, size);
    const before = await readUpload(this.#catalog, tenant, upload);
    const present = await this.#blobs.has({ tenant, sha256, size });
    if (!present && before === undefined) await this.#checkQuota(tenant);
    const record: UploadRecord = {
      ...{ upload, tenant, sha256, size, name, present },
      brought: present && before?.body.brought === true,
      job: before?.body.job ?? "",
      expiresAtMs: Date.now() + this.#config.uploadLifeMs,
    };
    await writeUpload(this.#catalog, record);
    return this.#message(record, call);
  }

  async completeUpload({ upload }: CompleteUploadRequest, call: Call): Promise<Upload> {
    const { tenant } = call.caller;
    const violations = new Violations();
    violations.id("upload", upload);
    violations.throwIfAny();
    const stored = await readUpload(this.#catalog, tenant, upload);
    if (stored === undefined) throw notFound(upload);
    const { body } = stored;
    if (body.present) return this.#message(body, call);
    try {
      await this.#blobs.commitUpload({ tenant, attempt: upload, n: 0 }, blobOf(body));
    } catch (reason) {
      const error = HeimdexError.from(reason);
      if (error.id === "BLOB_NOT_FOUND") throw notFound(upload, reason);
      if (error.id === "BLOB_DIGEST_MISMATCH") throw corrupt(body, reason);
      throw reason;
    }
    return this.#message(await settleUpload(this.#catalog, body), call);
  }

  async #checkQuota(tenant: string): Promise<void> {
    const { openUploads } = this.#config.limits;
    if (openUploads === 0 || (await this.#catalog.count("uploads", openUploadsTerm(tenant))) < openUploads) return;
    throw new HeimdexError(
      "QUOTA_EXCEEDED",
      `${openUploads} uploads are open, and no more are taken until some are through`,
      {
        retryAfterMs: RETRY_AFTER_MS,
        metadata: { limit: String(openUploads) },
      },
    );
  }

  async #message(record: UploadRecord, { caller }: Call): Promise<Upload> {
    const { upload, tenant, sha256, size, name, present, expiresAtMs } = record;
    const lifeMs = expiresAtMs - Date.now();
    const path = () => this.#signedPaths.sign(`/v1/uploads/${upload}`, caller, expiresAtMs);
    const url = async () =>
      (await this.#blobs.presignPut({ tenant, attempt: upload, n: 0 }, size, lifeMs, "outside")) ??
      `${this.#httpUrl()}${path()}`;
    return {
      upload,
      sourceUri: uploadUri(sha256, size, name),
      state: present ? Upload_State.PRESENT : Upload_State.WANTED,
      url: present ? "" : await url(),
      expireTime: new Date(expiresAtMs),
    };
  }
}

function notFound(upload: string, cause?: unknown): HeimdexError {
  return new HeimdexError("UPLOAD_NOT_FOUND", `there is no upload ${upload}, or nothing of it has come`, {
    cause,
    metadata: { upload },
  });
}
