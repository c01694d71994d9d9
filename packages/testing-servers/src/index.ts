export { ComposeCluster, type ComposeOptions, type Container, composePorts, docker } from "./compose-cluster.ts";
export { IMAGES } from "./images.ts";
export { readEvents } from "./read-events.ts";
export { ServerContainer, type ServerSpec } from "./server-container.ts";
export { type MinioOptions, type MinioServer, startMinio } from "./start-minio.ts";
export { type MongoServer, startMongo } from "./start-mongo.ts";
export { type NatsServer, startNats } from "./start-nats.ts";
