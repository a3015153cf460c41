import type { Answer } from "../src/api/answers";
import type { Problem } from "../src/api/types";
import type { QueuedPhoto, QueueItem } from "../src/queue/records";

export function photo(key: string, more: Partial<QueuedPhoto> = {}): QueuedPhoto {
  return { key, sha256: key, stage: "before", bytes: 3, thumb: "", sent: false, ...more };
}

export function item(id: string, more: Partial<QueueItem> = {}): QueueItem {
  return {
    id,
    person: "inspector",
    kind: "report",
    hazard: id,
    body: { id },
    photos: [],
    title: "楼道堆物",
    place: "3幢2单元",
    createdAt: 1,
    state: "waiting",
    accepted: false,
    attempts: 0,
    nextAt: 0,
    ...more,
  };
}

export function problem(status: number, code: string): Problem {
  return { type: `urn:anxun:problem:${code}`, title: code, status, code };
}

export function answer(status: number, data: unknown = null, code = ""): Answer {
  const ok = status >= 200 && status < 300;
  return { status, ok, data, problem: code ? problem(status, code) : null, retryAfter: null };
}
