/** The days that a dashboard counts, always days of Shanghai, written as `2026-11-23`. */

export interface Days {
  from: string;
  to: string;
}

export const PRESETS = ["month", "quarter", "year", "last_year", "all"] as const;
export type Preset = (typeof PRESETS)[number];
export type Interval = "day" | "week" | "month";

const DAY = 86_400_000;
const LONGEST = 3_660; // days of a trend, as the server allows

/** `all`: null. Otherwise up to today, so that a comparison has as many days on both sides. */
export function presetDays(preset: Preset, today: string): Days | null {
  const [year = "", month = ""] = today.split("-");
  switch (preset) {
    case "month":
      return { from: `${year}-${month}-01`, to: today };
    case "quarter":
      return { from: `${year}-${pad(Math.floor((Number(month) - 1) / 3) * 3 + 1)}-01`, to: today };
    case "year":
      return { from: `${year}-01-01`, to: today };
    case "last_year":
      return { from: `${Number(year) - 1}-01-01`, to: `${Number(year) - 1}-12-31` };
    case "all":
      return null;
  }
}

/** A day that the calendar has: not `2026-02-30`. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || text < "1971") return false;
  const found = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(found) && new Date(found).toISOString().startsWith(text);
}

/** The same dates one year earlier; the last day of a month stays the last day, also in February. */
export function yearBefore({ from, to }: Days): Days {
  return { from: subtractYear(from, false), to: subtractYear(to, true) };
}

function subtractYear(day: string, ends: boolean): string {
  const [year = 0, month = 0, date = 0] = day.split("-").map(Number);
  const last = monthLength(year - 1, month);
  return `${year - 1}-${pad(month)}-${pad(ends && date === monthLength(year, month) ? last : Math.min(date, last))}`;
}

function monthLength(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}

/** What a trend shows: the period itself; the last twelve months where it has no ends or is longer than ten years. */
export function trendDays(days: Days | null, today: string): Days {
  if (days && length(days) <= LONGEST) return days;
  const [year = 0, month = 0] = today.split("-").map(Number);
  const begins = new Date(Date.UTC(year, month - 12, 1));
  return { from: begins.toISOString().slice(0, 10), to: today };
}

export function trendInterval(days: Days): Interval {
  if (length(days) <= 31) return "day";
  return length(days) <= 120 ? "week" : "month";
}

function length({ from, to }: Days): number {
  return (Date.parse(to) - Date.parse(from)) / DAY + 1;
}

export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY).toISOString().slice(0, 10);
}

/** 2024 年, 2024 年 6 月, 2024-06-01 – 2024-06-12. */
export function sayDays({ from, to }: Days): string {
  const [year = "", month = "", date = ""] = from.split("-");
  if (from === to) return from;
  if (from === `${year}-01-01` && to === `${year}-12-31`) return `${year} 年`;
  const whole = date === "01" && to === `${year}-${month}-${pad(monthLength(Number(year), Number(month)))}`;
  return whole ? `${year} 年 ${Number(month)} 月` : `${from} – ${to}`;
}

function pad(number: number): string {
  return (number < 10 ? "0" : "") + String(number);
}
