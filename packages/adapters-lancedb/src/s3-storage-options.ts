export interface S3Store {
  /** `http://minio:9000`. */
  readonly endpoint: string;
  /** Default `us-east-1`. */
  readonly region?: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Of temporary credentials. Default none. */
  readonly sessionToken?: string;
}

/** `storageOptions` for an index at s3://BUCKET/PREFIX. */
export function s3StorageOptions(store: S3Store): Record<string, string> {
  const { endpoint, region = "us-east-1", accessKey, secretKey, sessionToken } = store;
  return {
    aws_endpoint: endpoint,
    aws_region: region,
    aws_access_key_id: accessKey,
    aws_secret_access_key: secretKey,
    ...(sessionToken === undefined ? {} : { aws_session_token: sessionToken }),
    ...(endpoint.startsWith("http:") ? { allow_http: "true" } : {}),
  };
}
