/** All is well. */
export const EXIT_OK = 0;
/** Something failed, and it was said what. */
export const EXIT_FAILED = 1;
/** Wrong usage. */
export const EXIT_USAGE = 2;
/** Ended by Ctrl-C before it was done: 128 + SIGINT, as shells count. */
export const EXIT_INTERRUPTED = 130;
