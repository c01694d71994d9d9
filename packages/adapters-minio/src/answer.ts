import type { IncomingMessage } from "node:http";
import { S3Error } from "minio";

export async function bytesOf(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export async function textOf(response: IncomingMessage): Promise<string> {
  return (await bytesOf(response)).toString("utf8");
}

/** Long operations answer 200 before they are done, and may still tell of an error in the body. */
export function assertDone(said: string, element: string): void {
  if (said.includes(`<${element}`)) return;
  const [, code] = /<Code>(.*?)<\/Code>/.exec(said) ?? [];
  const [, message] = /<Message>(.*?)<\/Message>/.exec(said) ?? [];
  throw Object.assign(new S3Error(message ?? `no ${element} in the answer`), { code: code ?? "InternalError" });
}
