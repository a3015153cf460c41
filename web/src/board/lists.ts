/** Reads the columns and keeps them: by page as somebody scrolls, and again when something has changed. */
import { markRaw, shallowReactive } from "vue";
import { NoServer } from "../api/answers";
import { call } from "../api/session";
import type { Hazard, HazardList } from "../api/types";
import { byClock } from "../shared/clocks";
import { state } from "../shared/state";
import { t } from "../words";
import { columnQuery, COLUMNS, type ColumnName, FIRST_PAGE, NEXT_PAGE } from "./columns";
import type { Filters } from "./filters";
import { board, filters } from "./state";

export interface List {
  name: ColumnName;
  items: Hazard[];
  /** Of all pages; null before it is known. */
  total: number | null;
  next: string | null;
  loading: boolean;
  problem: string;
}

export const lists: readonly List[] = COLUMNS.map((name) =>
  shallowReactive<List>({ name, items: [], total: null, next: null, loading: false, problem: "" }),
);
/** An answer to an earlier question than the latest is dropped. */
const latest = new Map<ColumnName, number>();

export function listOf(name: ColumnName): List {
  return lists.find((each) => each.name === name) as List;
}

export function forgetLists(): void {
  for (const list of lists) {
    latest.set(list.name, (latest.get(list.name) ?? 0) + 1);
    Object.assign(list, { items: [], total: null, next: null, loading: false, problem: "" });
  }
}

export async function readLists(): Promise<void> {
  board.stale = false;
  await Promise.all(lists.map((list) => readList(list, filters.value)));
}

/** Reads a column anew, as far as it was read before. */
async function readList(list: List, wanted: Filters): Promise<void> {
  const turn = (latest.get(list.name) ?? 0) + 1;
  latest.set(list.name, turn);
  const query = columnQuery(list.name, wanted, state.categories);
  if (!query) {
    Object.assign(list, { items: [], total: 0, next: null, loading: false, problem: "" });
    return;
  }
  query.set("count", "true");
  query.set("limit", String(list.items.length > FIRST_PAGE || isSortedHere(list.name) ? NEXT_PAGE : FIRST_PAGE));
  list.loading = true;
  const found = await ask(query);
  if (latest.get(list.name) !== turn) return;
  list.loading = false;
  if (typeof found === "string") {
    list.problem = found;
    return;
  }
  Object.assign(list, { problem: "", items: inOrder(list.name, found.items), next: found.next_cursor ?? null, total: found.total ?? null });
}

export async function readMore(list: List): Promise<void> {
  const query = columnQuery(list.name, filters.value, state.categories);
  if (!query || !list.next || list.loading) return;
  const turn = latest.get(list.name);
  query.set("cursor", list.next);
  query.set("limit", String(NEXT_PAGE));
  list.loading = true;
  const found = await ask(query);
  if (latest.get(list.name) !== turn) return;
  list.loading = false;
  if (typeof found === "string") {
    list.problem = found;
    return;
  }
  const known = new Set(list.items.map((each) => each.id));
  const fresh = found.items.filter((each) => !known.has(each.id));
  Object.assign(list, { problem: "", items: [...list.items, ...inOrder(list.name, fresh)], next: found.next_cursor ?? null });
}

/** The answer, or words for why there is none. */
async function ask(query: URLSearchParams): Promise<HazardList | string> {
  try {
    const answer = await call<HazardList>(`/hazards?${query.toString()}`);
    if (answer.ok) return { ...answer.data, items: answer.data.items.map((each) => markRaw(each)) };
    return answer.problem?.detail ?? answer.problem?.title ?? t("error.noAnswer");
  } catch (error) {
    if (!(error instanceof NoServer)) throw error;
    return t("error.noAnswer");
  }
}

/** The server sorts by the deadline of the fix; these columns wait for another clock. */
function isSortedHere(name: ColumnName): boolean {
  return name === "reported" || name === "recheck";
}

function inOrder(name: ColumnName, items: Hazard[]): Hazard[] {
  return isSortedHere(name) ? [...items].sort(byClock) : items;
}

/** Shows at once what a step has made of a hazard; the lists are read again behind it. */
export function replaceHazard(hazard: Hazard): void {
  for (const list of lists) {
    if (list.items.some((each) => each.id === hazard.id)) list.items = list.items.map((each) => (each.id === hazard.id ? markRaw(hazard) : each));
  }
  if (board.selected.has(hazard.id)) board.selected.set(hazard.id, hazard);
}

const PAUSE = 400;
const LONGEST_READ = 2 * NEXT_PAGE;
let timer = 0;

/** Reads again a moment after the last of several changes. A list that was scrolled far waits for a word of the person. */
export function readListsSoon(): void {
  if (lists.some((each) => each.items.length > LONGEST_READ)) {
    board.stale = true;
    return;
  }
  clearTimeout(timer);
  timer = window.setTimeout(() => void readLists(), PAUSE);
}
