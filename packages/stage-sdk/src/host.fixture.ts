import { spawn } from "node:child_process";

/** A supervisor for tests: starts the worker as `heimdex up` starts its stage services, says its pid, and waits to be killed. */
const worker = spawn(process.execPath, [process.argv[2] as string], {
  stdio: ["pipe", "inherit", "inherit"],
  env: { ...process.env, HEIMDEX_SUPERVISED: "1" },
});
process.stdout.write(`${worker.pid}\n`);
