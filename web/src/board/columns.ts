/** The columns of the board: what waits for an office, each with the question that finds it and the clock that runs. */
import type { Category } from "../api/types";
import type { Filters } from "./filters";

export type ColumnName = "reported" | "toAssign" | "late" | "recheck" | "alarms" | "sentBack" | "majors";
export const COLUMNS: readonly ColumnName[] = ["reported", "toAssign", "late", "recheck", "alarms", "sentBack", "majors"];

/** How many rows of a column are read at first, and then with each next page. */
export const FIRST_PAGE = 100;
export const NEXT_PAGE = 500;

type Question = Record<string, string | string[]>;

/**
 * `counted_as`: what the statistics count by this name, so that both agree. Cases of devices (预警核查单) are no hazards
 * for the statistics and have a column of their own.
 */
const QUESTIONS: Record<Exclude<ColumnName, "alarms">, Question> = {
  reported: { counted_as: "waiting", sort: "reported_at" },
  toAssign: { counted_as: "accepted", state: "accepted", unassigned: "true", sent_back: "false", sort: "due_at" },
  late: { counted_as: "overdue", sort: "due_at" },
  recheck: { counted_as: "pending_recheck", sort: "due_at" },
  sentBack: { counted_as: "accepted", sent_back: "true", sort: "due_at" },
  majors: {
    major_proposed: "true",
    state: ["accepted", "assigned", "rectifying", "pending_recheck", "suspended", "transferred"],
    sort: "due_at",
  },
};

/** The query of a column; null if the filters leave nothing that it could have. */
export function columnQuery(column: ColumnName, filters: Filters, categories: Category[]): URLSearchParams | null {
  const question = column === "alarms" ? alarmQuestion(filters, categories) : QUESTIONS[column];
  if (!question) return null;
  const query = new URLSearchParams({ open: "true" });
  for (const [name, values] of Object.entries(question)) for (const value of ([] as string[]).concat(values)) query.append(name, value);
  for (const [name, value] of Object.entries(filters)) if (!query.has(name)) query.set(name, value);
  return query;
}

function alarmQuestion(filters: Filters, categories: Category[]): Question | null {
  const codes = categories.filter((each) => each.from_device).map((each) => each.code);
  const wanted = codes.filter((code) => !filters.category || filters.category === code);
  return wanted.length ? { category: wanted, sort: "due_at" } : null;
}
