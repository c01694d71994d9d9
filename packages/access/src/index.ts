export { type AuthConfig, authConfig } from "./access-config.ts";
export { type Caller, isOperator, LOCAL_CALLER, reaches, sharesTenant } from "./caller.ts";
export { Gate, type OwnKey } from "./gate.ts";
export type { KeyRecord } from "./key-record.ts";
export { bearerOf, isSecret, newSecret, secretHash } from "./key-secret.ts";
export { type IssuedKey, KeyStore, type KeyStoreOptions, type NewKey } from "./key-store.ts";
export { checkListen, isLoopback } from "./listen.ts";
export { EVERY_TENANT, isTenant, LEVELS, type Level, OPERATOR_TENANT, ROLES, type Role } from "./role.ts";
export { grpcCredentials, httpsOptions, type TlsConfig, tlsConfig } from "./tls-config.ts";
