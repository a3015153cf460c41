/** The period and the filters of the dashboard, kept in its address; what is wrong or old there is named and ignored. */
import type { Category, Community } from "../api/types";
import { type Days, isDay, type Preset, PRESETS, presetDays } from "./period";
import { RANKED, type Ranked } from "./numbers";

export interface Filters {
  /** Null: the days are of the person's own choice. */
  preset: Preset | null;
  days: Days | null;
  street: string;
  community: string;
  group: string;
  rank: Ranked;
}

export interface Reference {
  communities: Community[];
  categories: Category[];
}

export interface Understood {
  filters: Filters;
  /** What the address says and nobody understands, as `name=value`. */
  ignored: string[];
}

const NAMES = ["period", "from", "to", "street", "community", "group", "rank"];
const LONGEST_SHOWN = 40;

export function readFilters(query: URLSearchParams, reference: Reference, today: string): Understood {
  const ignored: string[] = [];
  const ignore = (name: string, value: string): void => {
    ignored.push(`${name}=${value}`.slice(0, LONGEST_SHOWN));
  };
  query.forEach((value, name) => {
    if (!NAMES.includes(name) || (query.get(name) !== value && value)) ignore(name, value);
  });
  /** The value if it is one of those that exist now. */
  const known = (name: string, exists: (value: string) => boolean): string => {
    const value = query.get(name) ?? "";
    if (!value || exists(value)) return value;
    if (name !== "period" && name !== "rank" && !reference.communities.length) return value; // not read yet
    ignore(name, value);
    return "";
  };
  const street = known("street", (value) => reference.communities.some((each) => each.street === value));
  const inStreet = reference.communities.filter((each) => !street || each.street === street);
  const community = known("community", (value) => inStreet.some((each) => each.code === value));
  const group = known("group", (value) => reference.categories.some((each) => each.group === value));
  const rank = known("rank", (value) => (RANKED as readonly string[]).includes(value)) as Ranked | "";
  const wanted = known("period", (value) => (PRESETS as readonly string[]).includes(value)) as Preset | "";
  const own = readDays(query, ignore);
  const preset = own ? null : wanted || "year";
  if (own && wanted) ignore("period", wanted);
  return {
    filters: { preset, days: own ?? presetDays(preset ?? "year", today), street, community, group, rank: rank || "open" },
    ignored,
  };
}

function readDays(query: URLSearchParams, ignore: (name: string, value: string) => void): Days | null {
  const from = query.get("from") ?? "";
  const to = query.get("to") ?? "";
  if (!from && !to) return null;
  if (isDay(from) && isDay(to) && from <= to) return { from, to };
  if (from) ignore("from", from);
  if (to) ignore("to", to);
  return null;
}

/** The address of a screen with these filters: `#/screen?period=month&group=…`. What is usual is left out. */
export function filterAddress(filters: Filters, screen = ""): string {
  const query = new URLSearchParams();
  if (filters.preset && filters.preset !== "year") query.set("period", filters.preset);
  if (!filters.preset && filters.days) {
    query.set("from", filters.days.from);
    query.set("to", filters.days.to);
  }
  for (const name of ["street", "community", "group"] as const) if (filters[name]) query.set(name, filters[name]);
  if (filters.rank !== "open") query.set("rank", filters.rank);
  const text = query.toString();
  return `#/${screen}${text ? `?${text}` : ""}`;
}

/** The filters as the statistics take them. */
export function statisticsQuery(filters: Filters, days: Days | null = filters.days): URLSearchParams {
  const query = placeQuery(filters);
  if (filters.group) query.set("group", filters.group);
  if (days) {
    query.set("from", days.from);
    query.set("to", days.to);
  }
  return query;
}

export function placeQuery({ street, community }: Filters): URLSearchParams {
  const query = new URLSearchParams();
  if (street) query.set("street", street);
  if (community) query.set("community", community);
  return query;
}
