/** The images of the servers that a cluster runs on, by the tags that deployments use. */
export const IMAGES = {
  mongo: "mongo:8.0",
  nats: "nats:2.15-alpine",
  minio: "minio/minio:RELEASE.2025-09-07T16-13-09Z",
} as const;
