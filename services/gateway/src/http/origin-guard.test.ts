import assert from "node:assert/strict";
import { test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import { checkOrigin } from "./origin-guard.ts";

const PORT = 8480;
const ALLOWED = ["films.example", "proxy.example:443"];
const navigation = { "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };

const FINE: readonly (readonly [string, Record<string, string>, string?])[] = [
  ["the address", { host: "127.0.0.1:8480" }],
  ["the name", { host: "localhost:8480" }],
  ["in capitals", { host: "LOCALHOST:8480" }],
  ["another loopback address", { host: "127.8.9.1:8480" }],
  ["IPv6", { host: "[::1]:8480" }],
  ["a configured name", { host: "films.example" }],
  ["a configured name on any port", { host: "films.example:9999" }],
  ["a configured name with its port", { host: "proxy.example:443" }],
  ["our own page", { host: "localhost:8480", origin: "http://localhost:8480" }, "POST"],
  ["our own page through TLS", { host: "films.example", origin: "https://films.example" }, "POST"],
  ["our own page, fetch metadata", { host: "localhost:8480", "sec-fetch-site": "same-origin" }, "POST"],
  ["typed into the address bar", { host: "localhost:8480", "sec-fetch-site": "none", ...navigation }],
  ["a link from elsewhere", { host: "localhost:8480", "sec-fetch-site": "cross-site", ...navigation }],
];
for (const [name, headers, method = "GET"] of FINE) {
  test(`let through: ${name}`, () => checkOrigin({ headers, method }, PORT, ALLOWED));
}

const REFUSED: readonly (readonly [string, Record<string, string>, string?])[] = [
  ["no Host", {}],
  ["a name of the attacker's that resolves to us", { host: "rebind.attacker.example:8480" }],
  ["a name that only begins like ours", { host: "localhost.attacker.example:8480" }],
  ["a name that only ends like ours", { host: "notlocalhost:8480" }],
  ["an address in a name", { host: "127.0.0.1.attacker.example:8480" }],
  ["another port", { host: "127.0.0.1:9999" }],
  ["no port, ours not being 80", { host: "127.0.0.1" }],
  ["another address", { host: "192.168.1.5:8480" }],
  ["all addresses", { host: "0.0.0.0:8480" }],
  ["user data before the name", { host: "localhost:8480@attacker.example" }],
  ["a configured name with another port", { host: "proxy.example:80" }],
  ["a script of another site", { host: "localhost:8480", origin: "https://attacker.example" }, "POST"],
  ["a sandboxed page", { host: "localhost:8480", origin: "null" }, "POST"],
  ["another server on this machine", { host: "localhost:8480", origin: "http://localhost:3000" }, "POST"],
  ["our port under another name", { host: "localhost:8480", origin: "http://127.0.0.1:8480" }, "POST"],
  ["reading by another site", { host: "localhost:8480", origin: "https://attacker.example" }],
  [
    "a picture embedded elsewhere",
    { host: "localhost:8480", "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" },
  ],
  ["a picture embedded by another local server", { host: "localhost:8480", "sec-fetch-site": "same-site" }],
  ["a form sent from elsewhere", { host: "localhost:8480", "sec-fetch-site": "cross-site", ...navigation }, "POST"],
  [
    "us in a frame elsewhere",
    {
      host: "localhost:8480",
      "sec-fetch-site": "cross-site",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "iframe",
    },
  ],
];
for (const [name, headers, method = "GET"] of REFUSED) {
  test(`refused: ${name}`, () => {
    const refused = (error: unknown) => error instanceof HeimdexError && error.id === "ORIGIN_REFUSED";
    assert.throws(() => checkOrigin({ headers, method }, PORT, ALLOWED), refused);
  });
}

test("on port 80 Host has no port", () => {
  checkOrigin({ headers: { host: "localhost", origin: "http://localhost" }, method: "POST" }, 80, []);
});
