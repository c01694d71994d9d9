import type { Check } from "./check.ts";
import { endings } from "./checks/endings.ts";
import { faults } from "./checks/faults.ts";
import { inputs } from "./checks/inputs.ts";
import { leases } from "./checks/leases.ts";
import { outputs } from "./checks/outputs.ts";
import { polls } from "./checks/polls.ts";
import { registration } from "./checks/registration.ts";

/** All checks, in the order they are made: by number. */
export const CHECKS: readonly Check[] = [
  ...registration,
  ...polls,
  ...leases,
  ...faults,
  ...endings,
  ...outputs,
  ...inputs,
].sort((a, b) => (a.id < b.id ? -1 : 1));
