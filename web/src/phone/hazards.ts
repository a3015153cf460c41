/** Hazards that were opened, kept for a look without a network, and the steps that wait for them. */
import { NoServer } from "../api/answers";
import { call } from "../api/session";
import type { Hazard, HistoryEntry } from "../api/types";
import type { QueueItem } from "../queue/records";
import { keptWork } from "./work";
import { state } from "./state";

const opened = new Map<string, Hazard>();

/** What this phone knows of a hazard without asking. */
export function knownHazard(id: string): Hazard | null {
  const inWork = keptWork()?.lists.map((list) => list.hazards.find((each) => each.id === id)) ?? [];
  return opened.get(id) ?? inWork.find((each) => each !== undefined) ?? null;
}

/** Null: missing, or out of this person's reach. Throws NoServer, also where the server is too busy to tell. */
async function read<T>(path: string): Promise<T | null> {
  const answer = await call<T>(path);
  if (answer.ok) return answer.data;
  if (answer.status === 404 || answer.status === 403) return null;
  throw new NoServer("slow");
}

/** As `read`. */
export async function readHazard(id: string): Promise<Hazard | null> {
  const found = await read<Hazard>(`/hazards/${id}`);
  if (found) opened.set(id, found);
  return found;
}

export async function readHistory(id: string, cursor: string | null): Promise<{ items: HistoryEntry[]; next: string | null }> {
  const query = new URLSearchParams({ sort: "-seq", limit: "20", ...(cursor ? { cursor } : {}) });
  const page = await read<{ items: HistoryEntry[]; next_cursor: string | null }>(`/hazards/${id}/history?${query.toString()}`);
  return { items: page?.items ?? [], next: page?.next_cursor ?? null };
}

/** Whether a step on this hazard is one on a major hazard when it arrives: the confirmation may wait before it. */
export function isMajor(hazard: Hazard): boolean {
  return hazard.severity === "major" || waitingSteps(hazard.id).some(({ body }) => body.step === "confirm_major" && body.confirmed === true);
}

/** Own steps that wait for this hazard; each raises its version by one. */
export function waitingSteps(id: string): QueueItem[] {
  return state.items.filter((each) => each.kind === "step" && each.hazard === id && each.state === "waiting");
}
