/** Where the phone is, and which community that is. Without a right to the position everything else still works. */
import { ref } from "vue";
import { call } from "../api/session";
import type { Point } from "../api/types";

export const point = ref<Point | null>(null);
export const positionState = ref<"asking" | "known" | "none">("none");

type Ring = [number, number][];
interface Shape {
  type: "Polygon" | "MultiPolygon";
  coordinates: Ring[] | Ring[][];
}
interface Feature {
  geometry: Shape | null;
  properties: { code: string };
}

let shapes: Feature[] | null = null;

/** Asks for the position; `located` gets the community around it, if the office has drawn its communities. */
export function locate(located: (community: string) => void): void {
  if (!window.isSecureContext || !("geolocation" in navigator)) return;
  positionState.value = "asking";
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      const { latitude: lat, longitude: lon, accuracy } = coords;
      point.value = { lat, lon, crs: "wgs84", accuracy_m: Math.min(Math.round(accuracy), 100_000) };
      positionState.value = "known";
      void findCommunity(lon, lat).then((found) => {
        if (found) located(found);
      });
    },
    () => {
      point.value = null;
      positionState.value = "none";
    },
    { enableHighAccuracy: true, timeout: 15_000, maximumAge: 60_000 },
  );
}

/** Asks for the position only where that shows no question. */
export async function locateQuietly(): Promise<void> {
  try {
    const right = await navigator.permissions.query({ name: "geolocation" });
    if (right.state === "granted") locate(() => undefined);
  } catch {
    // An old browser does not tell, and the lists stay in the order of their clocks.
  }
}

async function findCommunity(lon: number, lat: number): Promise<string | null> {
  try {
    if (!shapes) {
      const answer = await call<{ features: Feature[] }>("/communities", { headers: { Accept: "application/geo+json" } });
      if (!answer.ok) return null;
      shapes = answer.data.features;
    }
  } catch {
    return null; // no network: the community that was used last stays chosen
  }
  return shapes.find((each) => each.geometry && contains(each.geometry, lon, lat))?.properties.code ?? null;
}

function contains({ type, coordinates }: Shape, lon: number, lat: number): boolean {
  const polygons = type === "Polygon" ? [coordinates as Ring[]] : (coordinates as Ring[][]);
  return polygons.some(([outer, ...holes]) => outer && isInside(outer, lon, lat) && !holes.some((hole) => isInside(hole, lon, lat)));
}

/** Counts the edges that a ray to the east crosses. */
export function isInside(ring: Ring, lon: number, lat: number): boolean {
  let inside = false;
  ring.forEach(([x1, y1], index) => {
    const [x2, y2] = ring[(index + 1) % ring.length] as [number, number];
    if (y1 > lat !== y2 > lat && lon < ((x2 - x1) * (lat - y1)) / (y2 - y1) + x1) inside = !inside;
  });
  return inside;
}
