import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { HeimdexError } from "@heimdex/errors";

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/** Whether an address reaches this machine only. */
export function isLoopback(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && LOOPBACK.check(address, family === 4 ? "ipv4" : "ipv6");
}

/** The address to listen on: where no keys are asked for, nothing but loopback.
 * @param which `http`, `grpc`, ..., for the message
 * @param isShut callers must show a key
 * @throws HeimdexError NOT_LOOPBACK */
export async function checkListen(which: string, host: string, isShut: boolean): Promise<string> {
  const address = host === "localhost" ? (await lookup(host)).address : host.replace(/^\[|\]$/g, "");
  if (isShut || isLoopback(address)) return address;
  throw new HeimdexError("NOT_LOOPBACK", `${which}: will not listen on ${host}, which reaches beyond this machine`, {
    metadata: { listener: which, host },
  });
}
