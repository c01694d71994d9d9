export { type Host, type HostOptions, startHost } from "./host/host.ts";
export type { HostAddress } from "./host/host-address.ts";
export { STAGE_SERVICES, type StageService } from "./host/stage-services.ts";
export { type Api, apiClients, openPlatform, type Platform, type PlatformOptions } from "./platform.ts";
