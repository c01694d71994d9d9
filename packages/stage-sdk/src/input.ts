import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Artifact } from "@heimdex/contracts/stage/v1/work_service";
import { download } from "./download.ts";
import { StageFailure } from "./failure.ts";
import type { Port } from "./port.ts";
import type { InputArtifact } from "./stage.ts";

/** An input of one attempt. Bytes read into memory are kept for the next reader. */
export class Input implements InputArtifact {
  readonly #artifact: Artifact;
  readonly #port: Port;
  readonly #scratch: () => string;
  readonly #signal: AbortSignal;
  #bytes: Promise<Uint8Array> | undefined;
  #file: Promise<string> | undefined;

  /** @param scratch gives the attempt's folder
   * @param signal the attempt's */
  constructor(artifact: Artifact, port: Port, scratch: () => string, signal: AbortSignal) {
    this.#artifact = artifact;
    this.#port = port;
    this.#scratch = scratch;
    this.#signal = signal;
  }

  get sha256(): string {
    return this.#artifact.sha256;
  }
  get size(): number {
    return this.#artifact.size;
  }
  get mediaType(): string {
    return this.#artifact.mediaType;
  }
  get name(): string | undefined {
    return this.#artifact.name || undefined;
  }
  get path(): string | undefined {
    return this.#artifact.path || undefined;
  }
  /** For bytes that came with the lease a `data:` URL: ffmpeg and fetch open it like any other. */
  get url(): string {
    const { content, mediaType } = this.#artifact;
    if (content?.$case === "url") return content.value;
    if (content?.$case === "inline") return `data:${mediaType};base64,${content.value.toString("base64")}`;
    return "";
  }
  get location(): string {
    return this.path ?? this.url;
  }

  read(signal: AbortSignal = this.#signal): Promise<Uint8Array> {
    return this.#once(
      this.#bytes,
      (made) => (this.#bytes = made),
      () => this.#read(signal),
    );
  }

  file(signal: AbortSignal = this.#signal): Promise<string> {
    return this.#once(
      this.#file,
      (made) => (this.#file = made),
      () => this.#store(signal),
    );
  }

  async json(signal: AbortSignal = this.#signal): Promise<unknown> {
    const { json } = this.#port;
    const port = this.#artifact.port;
    if (json === undefined) throw new TypeError(`input ${port} is bytes, not JSON: use read() or file()`);
    const text = Buffer.from(await this.read(signal)).toString("utf8");
    try {
      return json.parse(JSON.parse(text));
    } catch (reason) {
      throw new StageFailure("TERMINAL", "INPUT_INVALID", `Input ${port} is not what its schema says: ${reason}`, {
        help: "The stage that put it out, or its schema, has a fault: report it with the sidecar's name.",
        cause: reason,
      });
    }
  }

  /** Shares one run of `make` between callers; a failed one is not kept. */
  #once<T>(
    known: Promise<T> | undefined,
    keep: (made: Promise<T> | undefined) => void,
    make: () => Promise<T>,
  ): Promise<T> {
    if (known !== undefined) return known;
    const made = make();
    keep(made);
    made.catch(() => keep(undefined));
    return made;
  }

  async #read(signal: AbortSignal): Promise<Uint8Array> {
    const { content, path } = this.#artifact;
    if (content?.$case === "inline") return this.#checked(content.value);
    if (path !== "") return this.#checked(await readFile(path, { signal }));
    return this.#twice(async () => {
      const parts: Uint8Array[] = [];
      for await (const part of download(this.#urlToRead(), this.size, signal)) parts.push(part);
      return this.#checked(Buffer.concat(parts));
    });
  }

  /** A path is given as it is once its size fits: reading a whole film only to check it would cost more than most stages do, and the server checks the
   * source's fingerprint again when the result comes. Downloads are checked in full. */
  async #store(signal: AbortSignal): Promise<string> {
    const { content, path } = this.#artifact;
    if (path !== "") {
      const { size } = await stat(path);
      if (size !== this.size) throw this.#changed(`it has ${size} bytes, not ${this.size}`);
      return path;
    }
    const file = join(this.#scratch(), `in-${this.#artifact.port}-${this.sha256.slice(0, 16)}`);
    if (content?.$case === "inline") {
      await writeFile(file, this.#checked(content.value), { signal });
      return file;
    }
    return this.#twice(async () => {
      const hash = createHash("sha256");
      const hashed = async function* (parts: AsyncIterable<Uint8Array>) {
        for await (const part of parts) {
          hash.update(part);
          yield part;
        }
      };
      const part = `${file}.part`;
      await pipeline(download(this.#urlToRead(), this.size, signal), hashed, createWriteStream(part), { signal });
      if (hash.digest("hex") !== this.sha256) throw this.#changed("its SHA-256 is another");
      await rename(part, file);
      return file;
    });
  }

  #urlToRead(): string {
    if (this.url === "") throw new Error(`input ${this.#artifact.port} came with neither bytes, path nor URL`);
    return this.url;
  }

  #checked(bytes: Uint8Array): Uint8Array {
    if (bytes.length !== this.size) throw this.#changed(`it has ${bytes.length} bytes, not ${this.size}`);
    if (createHash("sha256").update(bytes).digest("hex") !== this.sha256) throw this.#changed("its SHA-256 is another");
    return bytes;
  }

  /** A wrong digest over the network may be the network's: it gets a second try. */
  async #twice<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (reason) {
      if (!(reason instanceof StageFailure && reason.reason === "INPUT_CHANGED")) throw reason;
      return await work();
    }
  }

  #changed(how: string): StageFailure {
    const message = `Input ${this.#artifact.port} is not what the plan was made with: ${how}.`;
    return new StageFailure("INPUT_REJECTED", "INPUT_CHANGED", message, {
      help: "The file changed while it was indexed. Index it again once nothing writes to it any more.",
    });
  }
}
