/** What waits for this person, by the roles they hold. Kept on the phone, so that it can be read without a network. */
import { call } from "../api/session";
import type { Hazard, HazardList } from "../api/types";
import type { Key } from "../words";
import { byClock } from "../shared/clocks";
import { hasRole, state } from "./state";

export interface WorkList {
  title: Key;
  hazards: Hazard[];
}
export interface Work {
  lists: WorkList[];
  readAt: number;
}

interface Question {
  title: Key;
  roles: string[];
  query: Record<string, string>;
}

const MOST = "100";

function questions(): Question[] {
  const own = state.person?.username ?? "";
  return [
    { title: "work.assigned", roles: ["handler", "officer"], query: { assignee: own, open: "true", sort: "due_at" } },
    { title: "work.toRecheck", roles: ["inspector", "officer"], query: { state: "pending_recheck" } },
    { title: "work.toAccept", roles: ["officer"], query: { state: "reported" } },
    { title: "work.toAssign", roles: ["officer"], query: { state: "accepted", unassigned: "true" } },
    { title: "work.toDecide", roles: ["supervisor"], query: { clock_overdue: "review" } },
    { title: "work.lookBack", roles: ["inspector"], query: { look_back_due: "true" } },
  ];
}

function place(): string {
  return `anxun.work.${state.person?.username ?? ""}`;
}

export function keptWork(): Work | null {
  return JSON.parse(localStorage.getItem(place()) ?? "null") as Work | null;
}

/** Reads all lists of this person. Throws NoServer; a refused list is left out, as for who has lost a role. */
export async function readWork(): Promise<Work> {
  const mine = questions().filter((each) => hasRole(...each.roles));
  const lists = await Promise.all(
    mine.map(async ({ title, query }) => {
      const answer = await call<HazardList>(`/hazards?${new URLSearchParams({ limit: MOST, ...query }).toString()}`);
      return { title, hazards: answer.ok ? answer.data.items.filter(isForMe).sort(byClock) : [] };
    }),
  );
  const work = { lists: lists.filter((each) => each.hazards.length), readAt: Date.now() };
  keep(work);
  return work;
}

/** Who has fixed it does not re-check it. */
function isForMe(hazard: Hazard): boolean {
  const own = state.person?.username ?? "";
  return hazard.state !== "pending_recheck" || ![hazard.lead, ...hazard.assisting, hazard.fixed_by].includes(own);
}

function keep(work: Work): void {
  try {
    localStorage.setItem(place(), JSON.stringify(work));
  } catch {
    localStorage.removeItem(place()); // the list is a convenience; the room belongs to the queue
  }
}
