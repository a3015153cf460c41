/** What waits on the phone, and the rules by which it leaves. Nothing here knows a database, a network or a page. */
import type { Answer } from "../api/answers";
import type { Hazard, Point, Problem, Stage } from "../api/types";

export interface QueuedPhoto {
  /** Of its bytes in the store. */
  key: string;
  sha256: string;
  stage: Stage;
  bytes: number;
  thumb: string;
  takenAt?: string;
  point?: Point;
  sent: boolean;
  /** The address of an upload in pieces that was begun. */
  upload?: string;
  /** Why the server takes this picture never. */
  problem?: Problem;
}

/** A report or a step. `waiting` until the server has taken or refused it, and all of its photos. */
export interface QueueItem {
  /** The id of the report or step, made here, so that sending it again is safe. */
  id: string;
  person: string;
  kind: "report" | "step";
  hazard: string;
  body: Record<string, unknown>;
  photos: QueuedPhoto[];
  title: string;
  place: string;
  createdAt: number;
  state: "waiting" | "sent" | "refused";
  /** The server has taken the report or step itself. */
  accepted: boolean;
  attempts: number;
  /** Not before this time of the phone. */
  nextAt: number;
  sentAt?: number;
  number?: string;
  problem?: Problem;
  /** The hazard as somebody else has left it, if this step no longer fits. */
  present?: Hazard;
}

export type Task = { do: "document" } | { do: "photo"; photo: QueuedPhoto } | { do: "finish" };

/**
 * What to send next. A report goes before its photos, so that the office knows of it at once. A step, and a fix on the
 * spot, go after theirs: they are judged by them.
 */
export function nextTask(item: QueueItem): Task {
  const photo = item.photos.find((each) => !each.sent && !each.problem);
  const first = documentFirst(item);
  if (!item.accepted && first) return { do: "document" };
  // A step whose photo the server refuses would be judged by what is missing: the person decides first.
  if (!item.accepted && !photo && !hasRefusedPhoto(item)) return { do: "document" };
  return photo ? { do: "photo", photo } : { do: "finish" };
}

function documentFirst(item: QueueItem): boolean {
  return item.kind === "report" && !item.body.fixed_on_spot;
}

/**
 * `accepted`: a 2xx. `refused`: a final 4xx whose reason was read. `stale`: somebody was faster, so the person decides.
 * `sign-in`: waits for the person. `later`: everything else; it stays, and is tried again.
 */
export type Verdict = "accepted" | "refused" | "stale" | "sign-in" | "later";

const OVERTAKEN = new Set(["hazard.stale", "hazard.state", "photo.missing"]);
const TEMPORARY = new Set([408, 421, 423, 425, 429, 460]);

export function judge({ status, ok, problem }: Answer): Verdict {
  if (ok) return "accepted";
  if (status === 401 || problem?.code.startsWith("auth.")) return "sign-in";
  if (!problem || status < 400 || status >= 500 || TEMPORARY.has(status)) return "later";
  // A path that this server does not have says nothing about the report.
  if (problem.code.startsWith("route.") || problem.code.startsWith("upload.")) return "later";
  return status === 409 && OVERTAKEN.has(problem.code) ? "stale" : "refused";
}

const FIRST_WAIT = 2_000;
const LONGEST_WAIT = 60_000;

/** Milliseconds until the next try: doubled each time, at most a minute, or what the server asks for. */
export function backoff(attempts: number, retryAfter: number | null = null): number {
  const wait = Math.min(FIRST_WAIT * 2 ** Math.min(attempts, 10), LONGEST_WAIT);
  return Math.max(wait, Math.min(retryAfter ?? 0, 600) * 1000);
}

/** The oldest that may be sent now. A step waits for what was made before it on the same hazard. */
export function nextItem(items: QueueItem[], now: number): QueueItem | null {
  const open = items.filter((each) => each.state === "waiting").sort((a, b) => a.createdAt - b.createdAt);
  const first = new Map<string, QueueItem>();
  for (const each of open) if (!first.has(each.hazard)) first.set(each.hazard, each);
  return open.find((each) => first.get(each.hazard) === each && isDue(each, now)) ?? null;
}

/** A clock that was set back must not hold a report for a year. */
function isDue(item: QueueItem, now: number): boolean {
  return item.nextAt <= now || item.nextAt > now + 700_000;
}

export function hasRefusedPhoto(item: QueueItem): boolean {
  return item.photos.some((each) => each.problem !== undefined);
}

/** Photos as a report or step declares them. */
export function declarePhotos(photos: QueuedPhoto[]): Record<string, unknown>[] {
  return photos.map(({ sha256, stage, takenAt, point }) => ({
    sha256,
    stage,
    ...(takenAt ? { taken_at: takenAt } : {}),
    ...(point ? { point } : {}),
  }));
}
