/** Time, place and orientation of a picture, read from its EXIF (CIPA DC-008), which scaling by canvas removes. */
import type { Point } from "../api/types";

export interface Evidence {
  takenAt?: string;
  point?: Point;
  /** 1 to 8, as in EXIF. */
  orientation: number;
}

const ORIENTATION = 0x0112;
const EXIF_FOLDER = 0x8769;
const GPS_FOLDER = 0x8825;
const TAKEN = 0x9003;
const OFFSET = 0x9011;
const MOST_ENTRIES = 512;

/** Never throws: what cannot be read is no evidence, and no reason to refuse a picture. */
export function readEvidence(bytes: Uint8Array): Evidence {
  try {
    const at = findTiff(bytes);
    return at === null ? { orientation: 1 } : readTiff(new DataView(bytes.buffer, bytes.byteOffset + at));
  } catch (error) {
    if (error instanceof RangeError) return { orientation: 1 };
    throw error;
  }
}

/** JPEG, HEIC and WebP all have `Exif\0\0` before the TIFF part; the first one that is followed by a TIFF head counts. */
function findTiff(bytes: Uint8Array): number | null {
  for (let at = bytes.indexOf(0x45); at >= 0 && at + 14 < bytes.length; at = bytes.indexOf(0x45, at + 1)) {
    const word = String.fromCharCode(...bytes.subarray(at, at + 8));
    if (word === "Exif\0\0II" || word === "Exif\0\0MM") return at + 6;
  }
  return null;
}

function readTiff(view: DataView): Evidence {
  const tiff = new Tiff(view);
  const main = tiff.folder(tiff.uint32(4));
  const exif = tiff.subfolder(main, EXIF_FOLDER);
  const gps = tiff.subfolder(main, GPS_FOLDER);
  const turned = tiff.short(main, ORIENTATION);
  const evidence: Evidence = { orientation: turned >= 1 && turned <= 8 ? turned : 1 };
  const taken = readTime(tiff.text(exif, TAKEN), tiff.text(exif, OFFSET));
  if (taken) evidence.takenAt = taken;
  const point = readPoint(tiff, gps);
  if (point) evidence.point = point;
  return evidence;
}

/** `2026:11:23 09:00:00`, by the offset of the camera, else by the clock of this phone. */
function readTime(text: string, offset: string): string | undefined {
  const found = /^(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)/.exec(text);
  if (!found) return undefined;
  const [, year, month, day, hour, minute, second] = found;
  const zone = /^[+-]\d\d:\d\d$/.test(offset) ? offset : "";
  const moment = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`);
  return Number.isNaN(moment.getTime()) ? undefined : moment.toISOString();
}

function readPoint(tiff: Tiff, gps: Folder): Point | undefined {
  const lat = readDegrees(tiff.rationals(gps, 2)) * (tiff.text(gps, 1).charAt(0) === "S" ? -1 : 1);
  const lon = readDegrees(tiff.rationals(gps, 4)) * (tiff.text(gps, 3).charAt(0) === "W" ? -1 : 1);
  const known = Math.abs(lat) <= 90 && Math.abs(lon) <= 180 && (lat !== 0 || lon !== 0); // 0, 0: a receiver without a fix
  return known ? { lat, lon, crs: "wgs84" } : undefined;
}

/** NaN if something is missing or divided by nothing. */
function readDegrees([degrees, minutes, seconds]: number[]): number {
  return (degrees ?? NaN) + (minutes ?? NaN) / 60 + (seconds ?? NaN) / 3600;
}

interface Entry {
  type: number;
  count: number;
  at: number;
}
type Folder = Map<number, Entry>;

/** A TIFF file (TIFF 6.0, section 2). Reading outside of it throws RangeError. */
class Tiff {
  private readonly little: boolean;

  constructor(private readonly view: DataView) {
    this.little = view.getUint8(0) === 0x49;
  }

  uint32(at: number): number {
    return this.view.getUint32(at, this.little);
  }

  folder(at: number): Folder {
    const found: Folder = new Map();
    const count = Math.min(this.view.getUint16(at, this.little), MOST_ENTRIES);
    for (let index = 0; index < count; index++) {
      const entry = at + 2 + index * 12;
      const tag = this.view.getUint16(entry, this.little);
      found.set(tag, {
        type: this.view.getUint16(entry + 2, this.little),
        count: this.uint32(entry + 4),
        at: entry + 8,
      });
    }
    return found;
  }

  subfolder(folder: Folder, tag: number): Folder {
    const entry = folder.get(tag);
    return entry ? this.folder(this.uint32(entry.at)) : new Map();
  }

  short(folder: Folder, tag: number): number {
    const entry = folder.get(tag);
    return entry?.type === 3 ? this.view.getUint16(entry.at, this.little) : 0;
  }

  text(folder: Folder, tag: number): string {
    const entry = folder.get(tag);
    if (entry?.type !== 2 || entry.count > 64) return "";
    const at = entry.count > 4 ? this.uint32(entry.at) : entry.at;
    let text = "";
    for (let index = 0; index < entry.count; index++) {
      const code = this.view.getUint8(at + index);
      if (code === 0) break;
      text += String.fromCharCode(code);
    }
    return text;
  }

  rationals(folder: Folder, tag: number): number[] {
    const entry = folder.get(tag);
    if (entry?.type !== 5 || entry.count !== 3) return [];
    const at = this.uint32(entry.at);
    return [0, 8, 16].map((each) => this.uint32(at + each) / this.uint32(at + each + 4));
  }
}
