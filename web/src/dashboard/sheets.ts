/** The tables of the statistics as files, for the filters on the screen. */
import { type Filters, statisticsQuery } from "./filters";
import { trendDays, trendInterval } from "./period";

export const SHEETS = ["summary", "compare", "communities", "categories", "trend", "deadlines", "alerts"] as const;
export type Sheet = (typeof SHEETS)[number];
export type Form = "xlsx" | "csv";

export function sheetAddress(sheet: Sheet, form: Form, filters: Filters, today: string): string {
  const days = sheet === "trend" ? trendDays(filters.days, today) : filters.days;
  const query = statisticsQuery(sheet === "alerts" ? { ...filters, group: "" } : filters, days);
  if (sheet === "trend" && days) query.set("interval", trendInterval(days));
  query.set("format", form);
  return `/statistics/${sheet}?${query.toString()}`;
}

/** RFC 6266: `attachment; filename*=UTF-8''…`. */
export function fileName(disposition: string): string {
  const found = /filename\*=UTF-8''([^;]+)/.exec(disposition)?.[1];
  return found ? decodeURIComponent(found) : "anxun";
}
