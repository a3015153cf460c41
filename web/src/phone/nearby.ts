/** Open hazards like the one that is being reported: the same kind, near it or at the same place. */
import { call } from "../api/session";
import type { Hazard, HazardList, Point } from "../api/types";
import { metresBetween } from "./distance";

const NEAR_M = 100;

export interface Similar {
  hazard: Hazard;
  /** Null: the place has the same name. */
  metres: number | null;
}

export async function findSimilar(community: string, category: string, place: string, point: Point | null): Promise<Similar | null> {
  const query = new URLSearchParams({ community, category, open: "true", limit: "50" });
  const answer = await call<HazardList>(`/hazards?${query.toString()}`);
  return answer.ok ? chooseSimilar(answer.data.items, place, point) : null;
}

export function chooseSimilar(hazards: Hazard[], place: string, point: Point | null): Similar | null {
  const near: Similar[] = [];
  for (const hazard of hazards) {
    const metres = point && hazard.point ? metresBetween(point, hazard.point) : null;
    if (place.trim() && hazard.place === place.trim()) near.push({ hazard, metres });
    else if (metres !== null && metres <= NEAR_M) near.push({ hazard, metres });
  }
  return near.sort((a, b) => (a.metres ?? 0) - (b.metres ?? 0))[0] ?? null;
}
