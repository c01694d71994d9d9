import assert from "node:assert/strict";
import { test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import { isPublicAddress, publicAddresses } from "./address-guard.ts";

for (const [address, want, why] of [
  ["93.184.215.14", true, "a public address"],
  ["1.1.1.1", true, "a public address"],
  ["127.0.0.1", false, "loopback"],
  ["127.255.255.254", false, "loopback"],
  ["0.0.0.0", false, "this machine"],
  ["0.1.2.3", false, "this network"],
  ["10.0.0.1", false, "private"],
  ["172.15.255.255", true, "just below private"],
  ["172.16.0.1", false, "private"],
  ["172.31.255.255", false, "private"],
  ["172.32.0.1", true, "just above private"],
  ["192.168.1.1", false, "private"],
  ["100.64.0.1", false, "carrier's own"],
  ["100.127.255.255", false, "carrier's own"],
  ["100.128.0.1", true, "just above the carrier's own"],
  ["169.254.169.254", false, "metadata: AWS, Google, Azure, and link-local"],
  ["169.254.170.2", false, "metadata: AWS ECS"],
  ["168.63.129.16", false, "metadata: Azure"],
  ["100.100.100.200", false, "metadata: Alibaba"],
  ["192.0.0.192", false, "metadata: Oracle"],
  ["192.0.2.1", false, "documentation"],
  ["198.18.0.1", false, "benchmarks"],
  ["198.51.100.1", false, "documentation"],
  ["203.0.113.1", false, "documentation"],
  ["224.0.0.1", false, "multicast"],
  ["240.0.0.1", false, "reserved"],
  ["255.255.255.255", false, "broadcast"],
  ["2606:4700:4700::1111", true, "a public address"],
  ["2A00:1450:4001:0810:0000:0000:0000:200e", true, "a public address, written out"],
  ["::", false, "this machine"],
  ["::1", false, "loopback"],
  ["0:0:0:0:0:0:0:1", false, "loopback, written out"],
  ["fe80::1", false, "link-local"],
  ["fe80::1%eth0", false, "link-local with its zone"],
  ["2606:4700::1%eth0", false, "with a zone"],
  ["febf::1", false, "link-local"],
  ["fec0::1", false, "site-local, as it was"],
  ["fc00::1", false, "private"],
  ["fd00:ec2::254", false, "metadata: AWS over IPv6"],
  ["fd20:ce::254", false, "metadata: Google over IPv6"],
  ["ff02::1", false, "multicast"],
  ["::ffff:127.0.0.1", false, "loopback, IPv4-mapped"],
  ["::ffff:7f00:1", false, "loopback, IPv4-mapped, in hexadecimal"],
  ["0:0:0:0:0:ffff:a9fe:a9fe", false, "metadata, IPv4-mapped, written out"],
  ["::FFFF:10.1.2.3", false, "private, IPv4-mapped"],
  ["::ffff:93.184.215.14", true, "public, IPv4-mapped"],
  ["::127.0.0.1", false, "loopback, IPv4-compatible"],
  ["::93.184.215.14", false, "IPv4-compatible, which nobody routes"],
  ["64:ff9b::127.0.0.1", false, "loopback, through NAT64"],
  ["64:ff9b::a9fe:a9fe", false, "metadata, through NAT64"],
  ["64:ff9b::93.184.215.14", true, "public, through NAT64"],
  ["64:ff9b:1::5db8:d70e", false, "a network's own NAT64"],
  ["2002:7f00:1::1", false, "loopback, by 6to4"],
  ["2002:5db8:d70e::1", false, "6to4"],
  ["2001:0:53aa:64c::1", false, "Teredo"],
  ["2001:db8::1", false, "documentation"],
  ["3fff::1", false, "documentation"],
  ["100::1", false, "discarded"],
  ["4000::1", false, "given out to nobody"],
  ["localhost", false, "no address"],
  ["2130706433", false, "no address"],
  ["", false, "no address"],
] as const) {
  test(`${address || "nothing"} is ${want ? "" : "not "}public: ${why}`, () =>
    assert.equal(isPublicAddress(address), want));
}

const refused = (reason: unknown) => reason instanceof HeimdexError && reason.id === "SOURCE_ADDRESS_REFUSED";
const never = async () => assert.fail("an address needs no look-up");

for (const url of [
  "https://127.0.0.1/a.mp4",
  "https://127.1/a.mp4",
  "https://2130706433/a.mp4",
  "https://0x7f000001/a.mp4",
  "https://0177.0.0.1/a.mp4",
  "https://0x7f.1/a.mp4",
  "https://017700000001/a.mp4",
  "https://2852039166/latest/meta-data",
  "https://[::1]/a.mp4",
  "https://[::ffff:127.0.0.1]/a.mp4",
  "https://[0:0:0:0:0:ffff:7f00:1]:8443/a.mp4",
  "https://[64:ff9b::7f00:1]/a.mp4",
  "https://user@10.0.0.1:443/a.mp4",
  "https://１２７.０.０.１/a.mp4",
]) {
  test(`${url} is refused without a look-up`, () => assert.rejects(publicAddresses(new URL(url), never), refused));
}

test("a name is refused when any of its addresses is not public, and does not tell which", async () => {
  const url = new URL("https://films.example/a.mp4");
  for (const addresses of [["127.0.0.1"], ["93.184.215.14", "10.0.0.7"], ["::ffff:169.254.169.254"], []]) {
    const error: unknown = await publicAddresses(url, async () => addresses).catch((reason: unknown) => reason);
    assert.ok(refused(error));
    for (const address of addresses) assert.equal(JSON.stringify(error).includes(address), false);
  }
});

test("what may be connected to is what was looked at", async () => {
  const asked: string[] = [];
  const resolve = async (name: string) => {
    asked.push(name);
    return ["93.184.215.14", "2606:4700:4700::1111"];
  };
  const found = await publicAddresses(new URL("https://Films.Example:8443/a.mp4"), resolve);
  assert.deepEqual([asked, found], [["films.example"], ["93.184.215.14", "2606:4700:4700::1111"]]);
  assert.deepEqual(await publicAddresses(new URL("https://1.1.1.1/"), never), ["1.1.1.1"]);
  await assert.rejects(
    publicAddresses(new URL("https://films.example/"), () => Promise.reject(new Error("no such name"))),
    /no such name/,
  );
});
