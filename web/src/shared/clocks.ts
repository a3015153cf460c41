/** The clock that runs for a hazard now, as the lists sort and say it. */
import type { Hazard } from "../api/types";
import { type Key, t } from "../words";
import { sayLength } from "../words/times";

export interface Clock {
  name: Key;
  at: string | null;
  mood: "late" | "soon" | "still" | "";
  words: string;
}

const DAY = 86_400_000;
const NAMES: Partial<Record<Hazard["state"], [Key, keyof Hazard]>> = {
  reported: ["clock.accept", "accept_due_at"],
  accepted: ["clock.fix", "due_at"],
  assigned: ["clock.fix", "due_at"],
  rectifying: ["clock.fix", "due_at"],
  pending_recheck: ["clock.recheckBy", "recheck_due_at"],
  suspended: ["clock.review", "review_due_at"],
  transferred: ["clock.reply", "reply_due_at"],
  closed: ["clock.lookBack", "look_back_due_at"],
};

export function clockOf(hazard: Hazard, now: number): Clock {
  const [name, field] = NAMES[hazard.state] ?? ["clock.fix", "due_at"];
  const at = (hazard[field] as string | null) ?? null;
  if (!at || (hazard.advisory && hazard.state !== "pending_recheck" && Date.parse(at) < now)) return { name, at: null, mood: "still", words: "" };
  const left = Date.parse(at) - now;
  if (hazard.state === "suspended") {
    const words = t("clock.stopped", { reason: hazard.suspension?.reason ?? "" });
    return { name, at, mood: left < 0 ? "soon" : "still", words };
  }
  const words = t(left < 0 ? "clock.late" : "clock.left", { time: sayLength(left) });
  return { name, at, mood: left < 0 ? "late" : left < quarter(hazard, at) ? "soon" : "", words: `${t(name)} · ${words}` };
}

/** A clock is soon over in the last quarter of its time. */
function quarter(hazard: Hazard, at: string): number {
  const begun = hazard.state === "reported" ? hazard.reported_at : (hazard.accepted_at ?? hazard.reported_at);
  return Math.max(0, (Date.parse(at) - Date.parse(begun)) / 4);
}

export type Urgency = "late" | "today" | "week" | "rest";

export function urgency(hazard: Hazard, now: number): Urgency {
  const { at } = clockOf(hazard, now);
  if (!at) return "rest";
  const left = Date.parse(at) - now;
  const today = DAY - ((now + DAY / 3) % DAY); // until 24:00 in Shanghai
  if (left < 0) return hazard.state === "suspended" ? "today" : "late";
  if (left <= today) return "today";
  return left <= 7 * DAY ? "week" : "rest";
}

export function byClock(one: Hazard, other: Hazard): number {
  const at = (each: Hazard) => clockOf(each, 0).at ?? "9999";
  return at(one) < at(other) ? -1 : at(one) > at(other) ? 1 : 0;
}

/** The picture that stands for a hazard in a list: the first that shows what was found and has arrived. */
export function coverPhoto({ photos }: Hazard): string | undefined {
  const there = photos.filter((each) => each.state !== "missing" && each.state !== "damaged");
  return (there.find((each) => each.stage === "before") ?? there[0])?.sha256;
}
