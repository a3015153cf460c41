import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { digestHex, hex, sha256 } from "../src/photos/sha256";

const bytes = (text: string) => new TextEncoder().encode(text);

describe("sha256", () => {
  it.each([
    ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    ["abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"],
  ])("digests the vector of FIPS 180-4 %j", (text, digest) => {
    expect(hex(sha256(bytes(text)))).toBe(digest);
  });

  it("agrees with another implementation at every length around a block", () => {
    for (let length = 0; length < 200; length++) {
      const data = Uint8Array.from({ length }, (_, index) => (index * 7 + length) % 256);
      expect(hex(sha256(data))).toBe(createHash("sha256").update(data).digest("hex"));
    }
  });

  it("digests a part of a larger buffer, and a megabyte", () => {
    const large = new Uint8Array(1_000_003).fill(0x61);
    const part = large.subarray(3);
    expect(hex(sha256(part))).toBe("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  });

  it("gives the same with and without crypto.subtle", async () => {
    Object.assign(globalThis, { self: globalThis });
    expect(await digestHex(bytes("abc"))).toBe(hex(sha256(bytes("abc"))));
  });
});
