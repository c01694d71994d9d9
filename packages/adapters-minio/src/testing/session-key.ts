import type { MinioServer } from "@heimdex/testing-servers";
import aws4 from "aws4";

/** A temporary key that may do only what `actions` say (STS AssumeRole). Test code only. */
export async function sessionKey(
  { endpoint, accessKey, secretKey }: MinioServer,
  actions: readonly string[],
): Promise<{ accessKey: string; secretKey: string; sessionToken: string }> {
  const policy = {
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: actions, Resource: ["arn:aws:s3:::*"] }],
  };
  const body = new URLSearchParams({
    Action: "AssumeRole",
    Version: "2011-06-15",
    DurationSeconds: "3600",
    Policy: JSON.stringify(policy),
  }).toString();
  const { host } = new URL(endpoint);
  const { headers } = aws4.sign(
    { service: "sts", region: "us-east-1", method: "POST", host, path: "/", body },
    { accessKeyId: accessKey, secretAccessKey: secretKey },
  );
  const answer = await fetch(endpoint, { method: "POST", body, headers: headers as Record<string, string> });
  const said = await answer.text();
  const field = (name: string) => {
    const value = new RegExp(`<${name}>(.*?)</${name}>`).exec(said)?.[1];
    if (value === undefined) throw new Error(`the store gave no ${name}: ${said}`);
    return value;
  };
  return {
    accessKey: field("AccessKeyId"),
    secretKey: field("SecretAccessKey"),
    sessionToken: field("SessionToken"),
  };
}
