/** What the screens of the dashboard share, beside what every page shares. */
import { computed, shallowRef } from "vue";
import { NoServer } from "../api/answers";
import { call } from "../api/session";
import { query, route } from "../shared/router";
import { serverNow, state } from "../shared/state";
import { shanghaiDate } from "../words/times";
import { filterAddress, readFilters } from "./filters";
import { loadOverview, type Overview, Refused } from "./load";
import type { AreaCollection } from "./types";

export { say, serverNow, state } from "../shared/state";

export const screen = computed(() => route.value[0] ?? "");
export const today = computed(() => shanghaiDate(serverNow.value));

/** The filters of the address, or of the last screen that had any: a list of cases has a query of its own. */
let kept = { filters: readFilters(new URLSearchParams(), state, shanghaiDate(Date.now())).filters, ignored: [] as string[] };
export const understood = computed(() => {
  if (screen.value !== "cases") kept = readFilters(query.value, state, today.value);
  return kept;
});
export const filters = computed(() => understood.value.filters);
export const overviewAddress = computed(() => filterAddress(filters.value));

export const overview = shallowRef<Overview | null>(null);
export const areas = shallowRef<AreaCollection | null>(null);
/** Why the numbers could not be read just now: the words of the server, or "" where it did not answer. */
export const failure = shallowRef<string | null>(null);

let newest = 0;

/** Reads the numbers for the present filters; an answer that came too late for them is thrown away. */
export async function refresh(): Promise<void> {
  const turn = ++newest;
  try {
    const found = await loadOverview(filters.value, today.value);
    if (turn !== newest) return;
    overview.value = found;
    failure.value = null;
  } catch (error) {
    if (turn !== newest) return;
    if (error instanceof Refused) failure.value = error.message;
    else if (error instanceof NoServer) failure.value = "";
    else throw error;
  }
}

/** The outlines of the communities, once for each sign-in. */
export async function readAreas(): Promise<void> {
  const answer = await call<AreaCollection>("/communities", { headers: { Accept: "application/geo+json" } });
  if (answer.ok) areas.value = answer.data;
}

export function forget(): void {
  newest += 1;
  overview.value = null;
  areas.value = null;
  failure.value = null;
}
