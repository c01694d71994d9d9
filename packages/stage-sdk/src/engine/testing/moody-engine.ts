import { EngineError } from "../engine-error.ts";
import { hostEngine } from "../engine-host.ts";

/** An engine for tests of the process around it: does to itself what its requests say. */
hostEngine<{ broken?: boolean }, string, string>(async ({ broken }) => {
  if (broken) throw new EngineError("BROKEN", "cannot load");
  return async (request) => {
    switch (request) {
      case "crash":
        process.stderr.write("about to crash\n");
        process.kill(process.pid, "SIGSEGV");
        return new Promise(() => {});
      case "killed":
        process.kill(process.pid, "SIGKILL");
        return new Promise(() => {});
      case "exit":
        return process.exit(3);
      case "hang":
        return new Promise(() => {});
      case "spin":
        for (;;);
      case "refuse":
        throw new EngineError("PICTURE_UNREADABLE", "not this one");
      case "fail":
        throw new TypeError("a bug");
      default:
        return `${request} by ${process.pid}`;
    }
  };
});
