/** Reads all that the dashboard shows for its filters. Throws NoServer, or Refused with the words of the server. */
import type { Answer } from "../api/answers";
import { call } from "../api/session";
import type { HazardList } from "../api/types";
import { ageCases, AGES, alarmCases, countedCases } from "./cases";
import { type Filters, placeQuery, statisticsQuery } from "./filters";
import { type Days, type Interval, trendDays, trendInterval, yearBefore } from "./period";
import type {
  AlertStatistics, CategoryStatistics, ClockStatistics, CommunityRow, CommunityStatistics, Compared, Comparison, Figure,
  GroupRow, Summary, Trend, TrendRow,
} from "./types";

export class Refused extends Error {
  constructor(readonly answer: Answer) {
    super(answer.problem?.detail ?? answer.problem?.title ?? String(answer.status));
    this.name = "Refused";
  }
}

/** A number of our own: how many cases a list has. */
export interface Counted {
  query: string;
  value: number;
}

export interface Cause {
  category: string;
  name: string;
  received: number;
  fixed: number;
}

export interface Overview {
  filters: Filters;
  today: string;
  figures: Record<string, Figure>;
  compared: Record<string, Compared>;
  comparison: Comparison | null;
  communities: CommunityRow[];
  groups: GroupRow[];
  trend: TrendRow[];
  trendBefore: TrendRow[];
  trendMeanings: Record<string, string>;
  interval: Interval;
  clocks: ClockStatistics;
  alerts: AlertStatistics;
  causes: Cause[];
  /** Cases that devices opened: all, their causes found, removed, false alarms, open. */
  alarms: Record<"checks" | "causes" | "removed" | "false_alarms" | "open", Counted>;
  ages: Counted[];
  flags: Record<"all" | "open" | "recheck", Counted>;
  asOf: string;
}

const RANKED_FIELDS = "received,open,overdue,quantity_done,quantity_found,fixed,completion_rate,on_time_rate";

async function read<T>(path: string, query: URLSearchParams | string = ""): Promise<T> {
  const text = query.toString();
  const answer = await call<T>(text ? `${path}?${text}` : path);
  if (!answer.ok) throw new Refused(answer);
  return answer.data;
}

async function count(query: string): Promise<Counted> {
  const list = await read<HazardList>("/hazards", `${query}${query ? "&" : ""}count=true&limit=1`);
  return { query, value: list.total ?? 0 };
}

export async function loadOverview(filters: Filters, today: string): Promise<Overview> {
  const query = statisticsQuery(filters);
  const days = trendDays(filters.days, today);
  const interval = trendInterval(days);
  const [summary, comparison, communities, categories, trend, trendBefore, clocks, alerts, byDevice, ages, flags, alarms] = await Promise.all([
    read<Summary>("/statistics/summary", query),
    filters.days ? read<Comparison>("/statistics/compare", query) : null,
    read<CommunityStatistics>("/statistics/communities", withValue(query, "fields", RANKED_FIELDS)),
    read<CategoryStatistics>("/statistics/categories", withValue(query, "fields", "received,quantity_done")),
    readTrend(filters, days, interval),
    readTrend(filters, yearBefore(days), interval),
    read<ClockStatistics>("/statistics/deadlines", query),
    read<AlertStatistics>("/statistics/alerts", alertQuery(filters)),
    read<CategoryStatistics>("/statistics/categories", withValue(withValue(query, "fields", "received,fixed"), "source", "device")),
    Promise.all(AGES.map((age) => count(ageCases(filters, age, today)))),
    countAll({
      all: countedCases(filters, "received", { flagged: true }),
      open: countedCases(filters, "open", { flagged: true }),
      recheck: countedCases(filters, "pending_recheck", { flagged: true }),
    }),
    countAll({
      checks: alarmCases(filters),
      causes: countedCases(filters, "received", { source: "device" }),
      removed: countedCases(filters, "fixed", { source: "device" }),
      false_alarms: alarmCases(filters, { outcome: "false_alarm" }),
      open: alarmCases(filters, { open: true }),
    }),
  ]);
  return {
    filters,
    today,
    figures: byName(summary.items),
    compared: byName(comparison?.items ?? []),
    comparison,
    communities: communities.items,
    groups: categories.groups as unknown as GroupRow[],
    trend: trend.items,
    trendBefore: trendBefore.items,
    trendMeanings: trend.definitions,
    interval,
    clocks,
    alerts,
    causes: (byDevice.items as unknown as Cause[]).filter((each) => each.received > 0),
    ages,
    flags,
    alarms,
    asOf: summary.as_of,
  };
}

function readTrend(filters: Filters, days: Days, interval: Interval): Promise<Trend> {
  return read<Trend>("/statistics/trend", withValue(statisticsQuery(filters, days), "interval", interval));
}

/** Alerts have communities and days, but no group of categories. */
function alertQuery({ days, ...filters }: Filters): URLSearchParams {
  const query = placeQuery({ ...filters, days });
  if (days) {
    query.set("from", days.from);
    query.set("to", days.to);
  }
  return query;
}

async function countAll<Name extends string>(queries: Record<Name, string>): Promise<Record<Name, Counted>> {
  const names = Object.keys(queries) as Name[];
  const counted = await Promise.all(names.map((name) => count(queries[name])));
  const found: Partial<Record<Name, Counted>> = {};
  names.forEach((name, index) => (found[name] = counted[index]));
  return found as Record<Name, Counted>;
}

function withValue(query: URLSearchParams, name: string, value: string): URLSearchParams {
  const changed = new URLSearchParams(query.toString());
  changed.set(name, value);
  return changed;
}

function byName<Item extends { metric: string }>(items: Item[]): Record<string, Item> {
  const found: Record<string, Item> = {};
  for (const each of items) found[each.metric] = each;
  return found;
}
