import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

/** An authority of the test's own. */
export class Authority {
  readonly #folder: string;
  readonly #name: string;

  private constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
  }

  static async create(folder: string, name: string): Promise<Authority> {
    const authority = new Authority(folder, name);
    const { certFile, keyFile } = authority;
    await openssl(
      "req",
      "-x509",
      ...EC,
      "-nodes",
      "-days",
      "2",
      "-subj",
      `/CN=${name}`,
      "-keyout",
      keyFile,
      "-out",
      certFile,
    );
    return authority;
  }

  get certFile(): string {
    return join(this.#folder, `${this.#name}.crt`);
  }

  get keyFile(): string {
    return join(this.#folder, `${this.#name}.key`);
  }

  cert(): Promise<string> {
    return readFile(this.certFile, "utf8");
  }

  /** A certificate for servers and clients, valid for this machine's own names. */
  async issue(name: string): Promise<Certificate> {
    const path = (ending: string) => join(this.#folder, `${this.#name}-${name}.${ending}`);
    await openssl("req", "-new", ...EC, "-nodes", "-subj", `/CN=${name}`, "-keyout", path("key"), "-out", path("csr"));
    await writeFile(path("ext"), "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n");
    const signing = ["-CA", this.certFile, "-CAkey", this.keyFile, "-CAcreateserial", "-extfile", path("ext")];
    await openssl("x509", "-req", "-in", path("csr"), "-days", "2", ...signing, "-out", path("crt"));
    const [cert, key] = await Promise.all([path("crt"), path("key")].map((file) => readFile(file, "utf8")));
    return { certFile: path("crt"), keyFile: path("key"), cert: cert ?? "", key: key ?? "" };
  }
}

const EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];

async function openssl(...args: string[]): Promise<void> {
  await promisify(execFile)("openssl", args);
}
