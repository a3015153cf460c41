/** The addresses of lists of cases: each number of the dashboard has one, which counts to that number. */
import type { State } from "../api/types";
import { placeQuery, type Filters } from "./filters";
import { RATE_PARTS } from "./numbers";
import { addDays, type Days } from "./period";

/** Every state but `duplicate`. */
const NOT_DUPLICATE: State[] = [
  "reported", "accepted", "rejected", "assigned", "rectifying", "pending_recheck", "closed", "suspended", "transferred", "cancelled",
];

export type Query = Record<string, string | string[] | boolean | null | undefined>;

/** The list of `cases`, a link of the server to its list of hazards, or of a query of our own. */
export function casesAddress(query: string): string {
  return `#/cases?${query.split("?").pop() ?? ""}`;
}

export function queryText(query: Query, base = new URLSearchParams()): string {
  const found = new URLSearchParams(base.toString());
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === "") continue;
    found.delete(name);
    for (const each of Array.isArray(value) ? value : [String(value)]) found.append(name, each);
  }
  return found.toString();
}

function scopeQuery(filters: Filters): URLSearchParams {
  const query = placeQuery(filters);
  if (filters.group) query.set("group", filters.group);
  return query;
}

/** The cases that a count of the statistics counts in these days. `more`: of which only these. */
export function countedCases(filters: Filters, countedAs: string, more: Query = {}, days: Days | null = filters.days): string {
  const query = { counted_as: countedAs, counted_from: days?.from, counted_to: days?.to, ...more };
  return queryText(query, scopeQuery(filters));
}

/** The cases of the numerator and of the denominator of a rate. */
export function rateCases(filters: Filters, rate: string, more: Query = {}): [string, string] {
  const [above, below, less] = RATE_PARTS[rate] ?? [rate, rate];
  const rest = less === "duplicate" ? { ...more, state: NOT_DUPLICATE } : more;
  return [countedCases(filters, above, more), countedCases(filters, below, rest)];
}

export interface Age {
  /** Days since the report: at least, and at most. */
  least: number;
  most: number | null;
}

export const AGES: Age[] = [
  { least: 0, most: 6 },
  { least: 7, most: 29 },
  { least: 30, most: 89 },
  { least: 90, most: null },
];

export function ageCases(filters: Filters, { least, most }: Age, today: string): string {
  return countedCases(filters, "open", {
    reported_from: most === null ? null : addDays(today, -most),
    reported_to: addDays(today, -least),
  });
}

/** Which of a clock's cases: all on time, all past their deadline, or past it by so many days (at least, less than). */
export type ClockPart = "on_time" | "overdue" | "overdue_1d" | "overdue_3d" | "overdue_7d" | "overdue_more";

const PAST: Record<ClockPart, [number | null, number | null]> = {
  on_time: [0, null],
  overdue: [null, 0],
  overdue_1d: [-1, 0],
  overdue_3d: [-3, -1],
  overdue_7d: [-7, -3],
  overdue_more: [null, -7],
};

/** `all`: the server's link to the cases of the clock; `at`: when it was counted. */
export function clockCases(all: string, part: ClockPart, at: string): string {
  const [from, before] = PAST[part];
  const moment = (days: number | null) => (days === null ? null : new Date(Date.parse(at) + days * 86_400_000).toISOString());
  return queryText({ clock_due_from: moment(from), clock_due_before: moment(before) }, new URLSearchParams(all.split("?").pop()));
}

/** The cases that devices have opened in these days: alert checks and the hazards that they have become. */
export function alarmCases(filters: Filters, more: Query = {}): string {
  return queryText({ source: "device", reported_from: filters.days?.from, reported_to: filters.days?.to, ...more }, scopeQuery(filters));
}
