import { describe, expect, it } from "vitest";
import { readEvidence } from "../src/photos/exif";

type Entry = [tag: number, type: number, count: number, value: number | number[] | string];

/** Writes a TIFF of big-endian folders: main, EXIF and GPS, as cameras do, inside a JPEG's head. */
function picture(main: Entry[], exif: Entry[], gps: Entry[]): Uint8Array {
  const tiff = new DataView(new ArrayBuffer(4096));
  let free = 1024;
  tiff.setUint16(0, 0x4d4d);
  tiff.setUint16(2, 42);
  tiff.setUint32(4, 8);
  const write = (at: number, entries: Entry[]) => {
    tiff.setUint16(at, entries.length);
    entries.forEach(([tag, type, count, value], index) => {
      const entry = at + 2 + index * 12;
      tiff.setUint16(entry, tag);
      tiff.setUint16(entry + 2, type);
      tiff.setUint32(entry + 4, count);
      if (typeof value === "number") {
        if (type === 3) tiff.setUint16(entry + 8, value);
        else tiff.setUint32(entry + 8, value);
        return;
      }
      const place = typeof value === "string" && value.length <= 4 ? entry + 8 : free;
      if (place === free) tiff.setUint32(entry + 8, free);
      if (typeof value === "string") {
        Array.from(value).forEach((letter, offset) => tiff.setUint8(place + offset, letter.charCodeAt(0)));
      } else value.forEach((part, offset) => tiff.setUint32(place + offset * 4, part));
      if (place === free) free += 64;
    });
  };
  write(8, [...main, [0x8769, 4, 1, 300], [0x8825, 4, 1, 600]]);
  write(300, exif);
  write(600, gps);
  const head = Uint8Array.from([0xff, 0xd8, 0xff, 0xe1, 0x10, 0x08, 0x45, 0x78, 0x69, 0x66, 0, 0]);
  const whole = new Uint8Array(head.length + 4096);
  whole.set(head);
  whole.set(new Uint8Array(tiff.buffer), head.length);
  return whole;
}

const TAKEN: Entry = [0x9003, 2, 20, "2026:11:23 09:00:00\0"];
const OFFSET: Entry = [0x9011, 2, 7, "+08:00\0"];
const north: Entry[] = [
  [1, 2, 2, "N\0"],
  [2, 5, 3, [30, 1, 45, 1, 36, 10]],
  [3, 2, 2, "E\0"],
  [4, 5, 3, [120, 1, 44, 1, 0, 1]],
];

describe("readEvidence", () => {
  it("reads time, place and orientation", () => {
    const found = readEvidence(picture([[0x0112, 3, 1, 6]], [TAKEN, OFFSET], north));
    expect(found.orientation).toBe(6);
    expect(found.takenAt).toBe("2026-11-23T01:00:00.000Z");
    expect(found.point?.lat).toBeCloseTo(30.751, 3);
    expect(found.point?.lon).toBeCloseTo(120.7333, 3);
    expect(found.point?.crs).toBe("wgs84");
  });

  it("reads south and west as negative", () => {
    const south: Entry[] = [[1, 2, 2, "S\0"], north[1] as Entry, [3, 2, 2, "W\0"], north[3] as Entry];
    const { point } = readEvidence(picture([], [], south));
    expect([point?.lat, point?.lon].map((each) => Math.sign(each ?? 0))).toEqual([-1, -1]);
  });

  it.each([
    ["a division by nothing", [0, 0, 0, 0, 0, 0]],
    ["a receiver without a fix", [0, 1, 0, 1, 0, 1]],
    ["a latitude beyond the pole", [91, 1, 0, 1, 0, 1]],
  ])("has no place for %s", (_, latitude) => {
    const zero = latitude[0] === 0 && latitude[1] === 1;
    const gps: Entry[] = [north[0] as Entry, [2, 5, 3, latitude], north[2] as Entry, zero ? [4, 5, 3, latitude] : (north[3] as Entry)];
    expect(readEvidence(picture([], [], gps)).point).toBeUndefined();
  });

  it("never throws, whatever is cut off or wrong", () => {
    const whole = picture([[0x0112, 3, 1, 6]], [TAKEN], north);
    for (let length = 0; length < whole.length; length += 7) {
      expect(readEvidence(whole.slice(0, length)).orientation).toBeGreaterThan(0);
    }
    for (let at = 12; at < 900; at++) {
      const wrong = whole.slice();
      wrong[at] = 0xff;
      expect(readEvidence(wrong).orientation).toBeLessThanOrEqual(8);
    }
  });

  it("says nothing about a picture without EXIF", () => {
    expect(readEvidence(Uint8Array.from([0xff, 0xd8, 0xff, 0xdb]))).toEqual({ orientation: 1 });
  });
});
