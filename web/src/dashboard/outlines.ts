/** Outlines of communities with no more points than a screen can show. */
import type { Area, AreaCollection, Position } from "./types";

const FINEST = 1 / 1500; // of the extent of the whole map: about a pixel

/** Only communities whose outline is known; of points nearer to each other than a pixel the first stays. */
export function thinAreas({ features }: AreaCollection): Area[] {
  const drawn = features.filter((each) => each.geometry);
  const finest = extent(drawn) * FINEST;
  return drawn.map((each) => ({
    ...each,
    geometry: each.geometry && {
      ...each.geometry,
      coordinates: each.geometry.coordinates.map((polygon) => polygon.map((ring) => thinRing(ring, finest))),
    },
  }));
}

/** A ring stays closed and has at least four points. */
export function thinRing(ring: Position[], finest: number): Position[] {
  const first = ring[0];
  if (!first || ring.length <= 4) return ring;
  const kept: Position[] = [first];
  let [x, y] = first;
  for (const point of ring.slice(1, -1)) {
    if (Math.abs(point[0] - x) < finest && Math.abs(point[1] - y) < finest) continue;
    kept.push(point);
    [x, y] = point;
  }
  kept.push(first);
  return kept.length < 4 ? ring.slice(0, 3).concat([first]) : kept;
}

function extent(areas: Area[]): number {
  let [least, most] = [Infinity, -Infinity];
  for (const { geometry } of areas)
    for (const polygon of geometry?.coordinates ?? [])
      for (const [x] of polygon[0] ?? []) {
        least = Math.min(least, x);
        most = Math.max(most, x);
      }
  return most > least ? most - least : 0;
}
