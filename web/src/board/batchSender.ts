/** Sends a batch of steps in as many requests as it needs. */
import { NoServer } from "../api/answers";
import { call } from "../api/session";
import { type BatchItem, inChunks, type StepResult } from "./batch";

/** `apply` false: only predicts. `told`: how many are done. Throws NoServer, also for a refusal of the whole. */
export async function sendBatch(items: BatchItem[], apply: boolean, told: (done: number) => void = () => undefined): Promise<StepResult[]> {
  const results: StepResult[] = [];
  for (const chunk of inChunks(items)) {
    const answer = await call<{ items: StepResult[] }>(`/hazards/steps${apply ? "" : "?apply=false"}`, { body: { items: chunk } });
    if (!answer.ok) throw new NoServer("network");
    results.push(...answer.data.items);
    told(results.length);
  }
  return results;
}
