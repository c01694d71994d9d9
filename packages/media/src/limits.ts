/** What a child process may use. All are enforced from outside the program that runs. */
export interface Limits {
  /** Wall-clock time in ms. Default 6 h. */
  readonly wallMs: number;
  /** Address space in bytes (RLIMIT_AS). Default 4 GiB. Enforced on Linux only: see `memoryIsLimited`. */
  readonly memoryBytes: number;
  /** Bytes of all its pipes together. Default 64 GiB. */
  readonly outputBytes: number;
  /** Bytes of each file it writes (RLIMIT_FSIZE). Default 64 GiB. */
  readonly fileBytes: number;
}

export const DEFAULT_LIMITS: Limits = {
  wallMs: 6 * 3600_000,
  memoryBytes: 4 * 1024 ** 3,
  outputBytes: 64 * 1024 ** 3,
  fileBytes: 64 * 1024 ** 3,
};

/** Whether `memoryBytes` holds on this system. The kernel of macOS takes RLIMIT_AS and does not enforce it, so there the
 * memory of a child is not limited; time, output, formats and protocols are. */
export function memoryIsLimited(platform: NodeJS.Platform = process.platform): boolean {
  return platform === "linux";
}
