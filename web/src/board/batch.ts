/** Steps on many hazards at once: what is sent, what the preview says, and what became of each. */
import type { Hazard, Problem } from "../api/types";
import { newId } from "../shared/ids";

export interface BatchItem {
  hazard: string;
  step: Record<string, unknown> & { id: string; step: string; version: number };
}

export interface StepResult {
  status: number;
  hazard?: Hazard | null;
  problem?: (Problem & { hazard?: Hazard }) | null;
}

/** The server takes so many in one request. */
export const MOST = 500;

export function batchItems(hazards: Hazard[], step: string, facts: Record<string, unknown> = {}): BatchItem[] {
  return hazards.map(({ id, version }) => ({ hazard: id, step: { id: newId(), step, version, ...facts } }));
}

export function inChunks<T>(items: T[]): T[][] {
  const chunks: T[][] = [];
  for (let at = 0; at < items.length; at += MOST) chunks.push(items.slice(at, at + MOST));
  return chunks;
}

/** What a batch does or would do: by whom the hazards are fixed, which wait for a person, which are refused. */
export interface Outcome {
  /** Username and number, the most first. */
  assigned: [string, number][];
  waiting: number;
  refused: number;
}

export function sumUp(results: StepResult[]): Outcome {
  const counts = new Map<string, number>();
  let waiting = 0;
  let refused = 0;
  for (const { hazard, status } of results) {
    if (status !== 200) refused += 1;
    else if (hazard?.lead) counts.set(hazard.lead, (counts.get(hazard.lead) ?? 0) + 1);
    else if (hazard?.state === "accepted") waiting += 1;
  }
  return { assigned: Array.from(counts.entries()).sort((one, other) => other[1] - one[1]), waiting, refused };
}

/** Why an item was refused, in the words of the server. */
export function refusalWords({ problem }: StepResult): string {
  const fields = (problem?.errors as { message?: string }[] | undefined)?.map((each) => each.message).filter(Boolean);
  return fields?.length ? fields.join("；") : (problem?.detail ?? problem?.title ?? "");
}
