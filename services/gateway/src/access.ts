import { type Caller, type Level, reaches } from "@heimdex/access";
import { HeimdexError } from "@heimdex/errors";

/** The least role for each method of the API, and for each route that HTTP alone has. This is the one place where it is written: the gateway does not
 * start while something that it serves is missing here. Methods by full name; an HTTP route of a method asks for what the method asks for. */
export const ACCESS: Readonly<Record<string, Level>> = {
  "heimdex.v1.AssetService.GetAsset": "viewer",
  "heimdex.v1.AssetService.ListAssets": "viewer",
  "heimdex.v1.AssetService.SignPaths": "viewer",
  "heimdex.v1.AssetService.DeleteAsset": "admin",
  "heimdex.v1.JobService.CreateJob": "editor",
  "heimdex.v1.JobService.GetJob": "viewer",
  "heimdex.v1.JobService.ListJobs": "viewer",
  "heimdex.v1.JobService.CancelJob": "editor",
  "heimdex.v1.JobService.RetryJob": "editor",
  // It looks at the source, so it tells whether a file is there.
  "heimdex.v1.JobService.PlanJob": "editor",
  "heimdex.v1.JobService.RerunAssets": "editor",
  "heimdex.v1.JobService.WatchJob": "viewer",
  "heimdex.v1.JobService.GetTrace": "viewer",
  "heimdex.v1.KeyService.CreateKey": "admin",
  "heimdex.v1.KeyService.ListKeys": "admin",
  "heimdex.v1.KeyService.RevokeKey": "admin",
  "heimdex.v1.KeyService.RotateKey": "admin",
  "heimdex.v1.SourceService.ListSources": "editor",
  "heimdex.v1.UploadService.CreateUpload": "editor",
  "heimdex.v1.UploadService.CompleteUpload": "editor",
  "heimdex.v1.SearchService.Search": "viewer",
  "heimdex.v1.SidecarService.GetSidecar": "viewer",
  "heimdex.v1.StageService.ListStages": "viewer",
  // Stages are shared by all tenants.
  "heimdex.v1.StageService.DisableStage": "operator",
  "heimdex.v1.StageService.EnableStage": "operator",
  "heimdex.v1.SystemService.GetStatus": "monitor",
  // The index is one for all tenants, and is emptied first.
  "heimdex.v1.SystemService.Reindex": "operator",
  "GET /v1/jobs/{job}:watch": "viewer",
  "GET /v1/blobs/{sha256}": "viewer",
  "GET /v1/assets/{asset}/media": "viewer",
  "PUT /v1/uploads/{upload}": "editor",
  "GET /metrics": "whole",
  // Probes of container platforms carry no keys; all they learn is whether it serves, and of which kind the server is that is missing.
  "GET /healthz": "public",
  "GET /livez": "public",
  "grpc.health.v1.Health.Check": "public",
  "grpc.health.v1.Health.Watch": "public",
  "grpc.reflection.v1.ServerReflection.ServerReflectionInfo": "viewer",
};

/** @throws Error naming what is served and missing from the table: a mistake of ours, found at start */
export function checkAccess(served: readonly string[], table: Readonly<Record<string, Level>> = ACCESS): void {
  const missing = served.filter((name) => !Object.hasOwn(table, name));
  if (missing.length > 0)
    throw new Error(`${missing.join(", ")}: who may call it is not written in services/gateway/src/access.ts`);
}

/** The least that a method (`heimdex.v1.JobService.GetJob`) or route asks for; what is not in the table is nobody's. */
export function levelOf(name: string): Level | undefined {
  return Object.hasOwn(ACCESS, name) ? ACCESS[name] : undefined;
}

/** @throws HeimdexError PERMISSION_DENIED, before anything of the request is looked at */
export function checkReach(caller: Caller, name: string): void {
  const level = levelOf(name);
  if (level !== undefined && reaches(caller, level)) return;
  const needed =
    level === "operator" || level === "whole"
      ? `${level === "whole" ? "a monitor or an admin" : "an admin"} of the tenant that runs the platform`
      : `the role ${level ?? "of nobody"}`;
  throw new HeimdexError("PERMISSION_DENIED", `${name} needs ${needed}; the key has the role ${caller.role}`, {
    metadata: { method: name, needed: level ?? "", role: caller.role },
  });
}
