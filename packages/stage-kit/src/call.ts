import type { RegisterStageRequest, RegisterStageResponse } from "@heimdex/contracts/stage/v1/stage_registry_service";
import type {
  AcquireLeasesRequest,
  AcquireLeasesResponse,
  CloseSessionRequest,
  CloseSessionResponse,
  CreateUploadsRequest,
  CreateUploadsResponse,
  FinishLeasesRequest,
  FinishLeasesResponse,
  OpenSessionRequest,
  OpenSessionResponse,
  RenewLeasesRequest,
  RenewLeasesResponse,
} from "@heimdex/contracts/stage/v1/work_service";
import type { HeimdexError } from "@heimdex/errors";

/** Methods a worker calls, with what they take and answer. */
export interface Methods {
  openSession: { request: OpenSessionRequest; answer: OpenSessionResponse };
  registerStage: { request: RegisterStageRequest; answer: RegisterStageResponse };
  acquireLeases: { request: AcquireLeasesRequest; answer: AcquireLeasesResponse };
  renewLeases: { request: RenewLeasesRequest; answer: RenewLeasesResponse };
  finishLeases: { request: FinishLeasesRequest; answer: FinishLeasesResponse };
  createUploads: { request: CreateUploadsRequest; answer: CreateUploadsResponse };
  closeSession: { request: CloseSessionRequest; answer: CloseSessionResponse };
}
export type Method = keyof Methods;

/** One call of the worker under test. Times by `performance.now()`. */
export interface Call<M extends Method = Method> {
  readonly method: M;
  readonly request: Methods[M]["request"];
  /** Session it names; of OpenSession the one it was given. */
  session: string;
  readonly atMs: number;
  /** When it was answered, failed or was cut off; undefined while it is under way. */
  endMs: number | undefined;
  answer: Methods[M]["answer"] | undefined;
  error: HeimdexError | undefined;
  /** The server may have done what was asked, and the answer never arrived. */
  isLost: boolean;
}
