/** The tenant of every call, until keys and tokens name one. All of the gateway asks here, so that authentication has one place to enter. */
export function tenantOf(): string {
  return "default";
}
