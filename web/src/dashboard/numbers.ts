/** How numbers are written, and which counts a rate consists of. */

/** The numbers by which communities are ranked. */
export const RANKED = ["open", "overdue", "received", "quantity_done", "completion_rate", "on_time_rate"] as const;
export type Ranked = (typeof RANKED)[number];

/** Rate → [numerator, denominator, what the denominator leaves out], as metrics.RATES of the server; a test compares them. */
export const RATE_PARTS: Record<string, [string, string, string?]> = {
  acceptance_rate: ["accepted", "received", "duplicate"],
  completion_rate: ["cohort_closed", "cohort_accepted"],
  fix_rate: ["quantity_done", "quantity_found"],
  on_time_rate: ["due_met", "due_decided"],
  first_on_time_rate: ["first_due_met", "first_due_decided"],
  on_spot_rate: ["fixed_on_spot", "cohort_accepted"],
  rework_rate: ["reworked", "cohort_accepted"],
  return_rate: ["returned", "cohort_accepted"],
  extension_rate: ["extended", "cohort_accepted"],
  rebound_rate: ["rebounded", "fixed"],
  false_alarm_rate: ["false_alarm", "closed"],
  duplicate_rate: ["duplicate", "received"],
  evaluation_rate: ["evaluated", "closed_then"],
  satisfaction_rate: ["satisfied", "evaluated"],
  mean_score: ["score_total", "evaluated"],
};

export function isRate(name: string): boolean {
  return name in RATE_PARTS && name !== "mean_score";
}

/** 12,345; 4.5; — where there is none. */
export function sayNumber(value: number | null | undefined): string {
  if (value === null || value === undefined) return "—";
  const [whole = "", rest] = String(Math.round(value * 100) / 100).split(".");
  return whole.replace(/\B(?=(\d{3})+$)/g, ",") + (rest ? `.${rest}` : "");
}

/** 98.4 %; never 100 % for less than all, and never 0 % for more than nothing. */
export function sayRate(value: number | null | undefined): string {
  if (value === null || value === undefined) return "—";
  let tenths = Math.round(value * 1000);
  if (value < 1) tenths = Math.min(tenths, 999);
  if (value > 0) tenths = Math.max(tenths, 1);
  return `${tenths / 10}%`;
}

export function sayMetric(name: string, value: number | null | undefined): string {
  return isRate(name) ? sayRate(value) : sayNumber(value);
}

/** ↑ 11.17% or ↓ 3%, 持平 as `same`; — where there is nothing to compare with. */
export function sayChange(delta: number, percent: number | null, same: string): string {
  if (percent === null) return "—";
  if (delta === 0) return same;
  return `${delta > 0 ? "↑" : "↓"} ${sayNumber(Math.abs(percent))}%`;
}

/** What of a case a number adds up: cases are counted as one, unless it is a quantity. */
export function summedField(countedAs: string): "quantity" | "quantity_done" | "score" | null {
  if (countedAs === "quantity_found") return "quantity";
  if (countedAs === "quantity_done") return "quantity_done";
  return countedAs === "score_total" ? "score" : null;
}

/** The share of a bar, in percent of the longest. */
export function barLength(value: number | null, longest: number): number {
  return value && longest > 0 ? Math.max((value / longest) * 100, 0.5) : 0;
}
