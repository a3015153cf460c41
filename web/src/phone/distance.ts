/** How far things are. */
import type { Hazard, Point } from "../api/types";

/** Metres between two points of the same kind, good enough for what is near. */
export function metresBetween(one: Point, other: Point): number | null {
  if (one.crs !== other.crs) return null;
  const radians = Math.PI / 180;
  const x = (other.lon - one.lon) * radians * Math.cos(((one.lat + other.lat) / 2) * radians);
  const y = (other.lat - one.lat) * radians;
  return Math.round(Math.sqrt(x * x + y * y) * 6_371_000);
}

/** The nearest first; those without a comparable point stay behind them, in their order. */
export function nearestFirst(hazards: Hazard[], from: Point): Hazard[] {
  const metres = (each: Hazard): number => (each.point && metresBetween(from, each.point)) ?? Infinity;
  return [...hazards].sort((a, b) => (metres(a) === metres(b) ? 0 : metres(a) - metres(b)));
}
