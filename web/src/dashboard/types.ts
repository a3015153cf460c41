/** What the statistics answer, by names of the OpenAPI document; rows that it leaves open are named here. */
import type { components } from "../api/schema";

type Schemas = components["schemas"];
export type Briefing = Schemas["BriefingView"];
export type BriefingList = Schemas["BriefingList"];
export type CategoryStatistics = Schemas["CategoryStatistics"];
export type CommunityRow = Schemas["CommunityRow"];
export type CommunityStatistics = Schemas["CommunityStatistics"];
export type Comparison = Schemas["Comparison"];
export type Compared = Schemas["MetricComparison"];
export type Figure = Schemas["Figure"];
export type Summary = Schemas["Summary"];

export interface GroupRow {
  group: string;
  received: number;
  quantity_done: number;
  cases: string;
}

export const FLOWS = ["received", "accepted", "closed", "fixed"] as const;
export type FlowName = (typeof FLOWS)[number];
export type TrendRow = Record<FlowName, number> & { from: string; to: string };

export interface Trend {
  items: TrendRow[];
  definitions: Record<string, string>;
}

export interface ClockRow {
  clock: string;
  title: string;
  on_time: number;
  overdue: number;
  overdue_1d: number;
  overdue_3d: number;
  overdue_7d: number;
  overdue_more: number;
  cases: string;
}

export interface ClockStatistics {
  items: ClockRow[];
  as_of: string;
  definitions: Record<string, string>;
}

export interface AlertStatistics {
  total: { devices: number; alerts: number; messages: number; minutes_to_visit: number | null; hours_to_removal: number | null };
  definitions: Record<string, string>;
}

/** An outline of RFC 7946; null where none is known. `demo`: it is invented. */
export interface Area {
  id: string;
  geometry: { type: "MultiPolygon"; coordinates: Position[][][] } | null;
  properties: { code: string; name: string };
  demo: boolean;
}
export type Position = [number, number];

export interface AreaCollection {
  features: Area[];
}
