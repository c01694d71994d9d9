import { BlockList, isIP } from "node:net";
import { HeimdexError } from "@heimdex/errors";

/** Addresses that no source of the world outside has, by https://www.iana.org/assignments/iana-ipv4-special-registry; and Azure's, which hands out credentials
 * from a public one. The others' metadata services are link-local (169.254.169.254), shared (100.100.100.200) or reserved (192.0.0.192). */
const CLOSED_IPV4 = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["168.63.129.16", 32],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
] as const;

/** Of the one block that is given out, 2000::/3, what is not: tunnels and tests (2001::/23), documentation, 6to4, whose relays reach IPv4. */
const CLOSED_IPV6 = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
] as const;

const closed = new BlockList();
for (const [net, bits] of CLOSED_IPV4) closed.addSubnet(net, bits, "ipv4");
for (const [net, bits] of CLOSED_IPV6) closed.addSubnet(net, bits, "ipv6");
const open = new BlockList();
open.addSubnet("2000::", 3, "ipv6");

/** Whether an address, as a name server or socket gives it, is one of the world outside: no private, local, metadata, multicast or reserved one, however it is
 * wrapped. What is no address is none of these either. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !closed.check(address, "ipv4");
  // A zone (`%eth0`) belongs to addresses of one link.
  if (family !== 6 || address.includes("%")) return false;
  const inner = embeddedIpv4(address);
  if (inner !== undefined) return isPublicAddress(inner);
  return open.check(address, "ipv6") && !closed.check(address, "ipv6");
}

/** The IPv4 address that an IPv6 one leads to by itself: IPv4-mapped (::ffff:0:0/96) or, through the network's NAT64, 64:ff9b::/96. */
function embeddedIpv4(address: string): string | undefined {
  const groups = groupsOf(address);
  const head = groups.slice(0, 6).join(":");
  if (head !== "0:0:0:0:0:ffff" && head !== "64:ff9b:0:0:0:0") return undefined;
  const [high = 0, low = 0] = groups.slice(6).map((group) => Number.parseInt(group, 16));
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join(".");
}

/** The eight groups, in lower-case hexadecimal without leading zeros. */
function groupsOf(address: string): string[] {
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const before = head === "" ? [] : head.split(":");
  if (tail === undefined) return before;
  const after = tail === "" ? [] : tail.split(":");
  return [...before, ...Array<string>(8 - before.length - after.length).fill("0"), ...after];
}

/** The addresses behind a URL of the world outside. Connect to one of these and to nothing else: a name that is looked up a second time may say something
 * else then. Call it again for each redirect.
 * @param url of `https://` or `http://`; odd ways to write an address, decimal, octal or hexadecimal, are the same address here
 * @param resolve all addresses of a name; rejects where there is none
 * @throws HeimdexError SOURCE_ADDRESS_REFUSED when any of its addresses is not public; what `resolve` rejects with */
export async function publicAddresses(
  url: URL,
  resolve: (name: string) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  // The URL parser has made numbers into addresses already, as browsers do.
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const addresses = isIP(host) === 0 ? await resolve(host) : [host];
  const refused = addresses.filter((address) => !isPublicAddress(address));
  if (addresses.length > 0 && refused.length === 0) return addresses;
  // Which address it was stays in here: it would tell about a network that the caller cannot see.
  throw new HeimdexError("SOURCE_ADDRESS_REFUSED", `${url.host} is no host of the world outside`, {
    metadata: { host: url.host },
  });
}
