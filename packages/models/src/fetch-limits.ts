/** How patient and how greedy a download is. */
export interface FetchLimits {
  /** Files fetched at a time: enough to hide the latency of small ones; more only share the same line. */
  readonly filesAtOnce: number;
  /** Tries in a row that bring no byte before it is given up: with the pauses below about 8 s without a network. */
  readonly attempts: number;
  /** Pause after the first failure, ms; doubles from try to try, with up to half of it left to chance. */
  readonly firstPauseMs: number;
  /** A pause never grows beyond, ms. */
  readonly longestPauseMs: number;
  /** A server that asks (Retry-After) to wait longer than this, ms, is not waited for: people do not sit before a bar for hours. */
  readonly longestWaitMs: number;
  /** Time for the head of an answer, ms: hubs look files up in stores and may take seconds. */
  readonly answerWithinMs: number;
  /** In each window of this length, ms, ... */
  readonly stallWindowMs: number;
  /** ... so many bytes must come, else the connection is dropped and taken up again: a trickle that would take days is no download. */
  readonly stallBytes: number;
  /** Redirects followed: hubs use one or two. */
  readonly redirects: number;
  /** Largest answer of an API, bytes: a list of a thousand files takes a tenth. */
  readonly answerBytes: number;
}

export const FETCH_LIMITS: FetchLimits = {
  filesAtOnce: 4,
  attempts: 5,
  firstPauseMs: 500,
  longestPauseMs: 30_000,
  longestWaitMs: 300_000,
  answerWithinMs: 30_000,
  stallWindowMs: 30_000,
  stallBytes: 32 * 1024,
  redirects: 5,
  answerBytes: 8 * 1024 * 1024,
};
