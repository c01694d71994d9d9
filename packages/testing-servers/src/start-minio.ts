import { randomBytes } from "node:crypto";
import { Wait } from "testcontainers";
import { IMAGES } from "./images.ts";
import { ServerContainer } from "./server-container.ts";

export interface MinioServer extends AsyncDisposable {
  /** `http://host:port` */
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly container: ServerContainer;
}

export interface MinioOptions {
  /** Room it has, in memory; by default the machine's disk. */
  readonly diskBytes?: number;
  /** The only region it accepts; by default any. */
  readonly region?: string;
}

/** MinIO without any bucket. */
export async function startMinio({ diskBytes, region }: MinioOptions = {}): Promise<MinioServer> {
  const accessKey = "heimdex";
  const secretKey = randomBytes(16).toString("hex");
  const container = await ServerContainer.start({
    image: IMAGES.minio,
    command: ["server", "/data"],
    environment: {
      MINIO_ROOT_USER: accessKey,
      MINIO_ROOT_PASSWORD: secretKey,
      ...(region === undefined ? {} : { MINIO_SITE_REGION: region }),
    },
    ...(diskBytes === undefined ? {} : { disk: { path: "/data", bytes: diskBytes } }),
    port: 9000,
    ready: Wait.forHttp("/minio/health/ready", 9000),
  });
  return {
    endpoint: `http://${container.host}:${container.port}`,
    accessKey,
    secretKey,
    container,
    [Symbol.asyncDispose]: () => container[Symbol.asyncDispose](),
  };
}
