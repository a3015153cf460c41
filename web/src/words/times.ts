/** Times as people say them, always by the clocks of Shanghai (UTC+8, no summer time). */
import { t } from "./index";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const SHANGHAI = 8 * HOUR;

/** 今天 14:02, 昨天 14:02, 10 月 8 日 14:02; midnight as 24:00 of the day before. */
export function sayTime(iso: string, now: number): string {
  const moment = Date.parse(iso) + SHANGHAI;
  const midnight = moment % DAY === 0;
  const shown = new Date(midnight ? moment - 1 : moment);
  const clock = midnight ? "24:00" : `${pad(shown.getUTCHours())}:${pad(shown.getUTCMinutes())}`;
  return `${sayDay(shown, now)} ${clock}`;
}

function sayDay(shown: Date, now: number): string {
  const today = new Date(now + SHANGHAI);
  const days = Math.floor(shown.getTime() / DAY) - Math.floor(today.getTime() / DAY);
  if (days === 0) return t("time.today");
  if (days === -1) return t("time.yesterday");
  if (days === 1) return t("time.tomorrow");
  const values = { year: shown.getUTCFullYear(), month: shown.getUTCMonth() + 1, day: shown.getUTCDate() };
  return t(values.year === today.getUTCFullYear() ? "time.day" : "time.yearDay", values);
}

/** 2 天 4 小时; only the two largest parts that matter. */
export function sayLength(milliseconds: number): string {
  const minutes = Math.max(1, Math.floor(Math.abs(milliseconds) / 60_000));
  const days = Math.floor(minutes / 1440);
  const hours = Math.floor((minutes % 1440) / 60);
  if (days >= 10) return t("time.days", { n: days });
  const parts = [];
  if (days) parts.push(t("time.days", { n: days }));
  if (hours) parts.push(t("time.hours", { n: hours }));
  if (!days && (minutes < 360 || !hours) && minutes % 60) parts.push(t("time.minutes", { n: minutes % 60 }));
  return parts.join(" ");
}

/** Today's date in Shanghai, as `2026-11-23`. */
export function shanghaiDate(now: number): string {
  return new Date(now + SHANGHAI).toISOString().slice(0, 10);
}

/** The end of a day in Shanghai, as an instant. */
export function endOfDay(date: string): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + DAY - SHANGHAI).toISOString();
}

function pad(number: number): string {
  return (number < 10 ? "0" : "") + String(number);
}
