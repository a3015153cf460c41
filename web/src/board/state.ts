/** What the parts of the board share: its filters, the row with the cursor, what is selected, what is open. */
import { computed, reactive } from "vue";
import type { Hazard } from "../api/types";
import { query, route } from "../shared/router";
import { hasRole, state } from "../shared/state";
import type { ColumnName } from "./columns";
import { filterAddress, type Filters, readFilters } from "./filters";

export const board = reactive({
  /** The cursor: a column, and the row in it. */
  column: "reported" as ColumnName,
  row: 0,
  /** Raised whenever the cursor was moved by a key, so that the row takes the focus. */
  moved: 0,
  selected: new Map<string, Hazard>(),
  dialog: "" as "" | "accept" | "assign" | "merge" | "keys",
  /** Lists have changed, and are too long to be read again unasked. */
  stale: false,
  live: true,
  /** Counts events of the server; the case that is open is read again. */
  changes: 0,
  /** Words above the columns, such as after a change of rights. */
  note: "",
});

/** Whom the board is for; all others would only read refusals. */
export const mayUse = computed(() => hasRole("officer", "supervisor"));
/** Categories and communities decide what an address means; before they are read, it means nothing. */
export const understood = computed(() => readFilters(state.communities.length ? query.value : new URLSearchParams(), state));
export const filters = computed<Filters>(() => understood.value.filters);
export const openCase = computed(() => (route.value[0] === "hazards" ? (route.value[1] ?? "") : ""));
/** The step whose fields are open, of the case that is open. */
export const openStep = computed(() => (openCase.value && route.value[2] === "steps" ? (route.value[3] ?? "") : ""));

export function setFilter(name: keyof Filters, value: string): void {
  const changed: Filters = { ...filters.value, [name]: value || undefined };
  if (name === "group") changed.category = undefined;
  if (name === "street") changed.community = undefined;
  board.selected.clear();
  location.hash = `#/${filterAddress(changed)}`;
}

export function clearFilters(): void {
  board.selected.clear();
  location.hash = "#/";
}

/** An address of the board that keeps its filters. */
export function boardLink(...parts: string[]): string {
  return `#/${parts.map(encodeURIComponent).join("/")}${filterAddress(filters.value)}`;
}

export function goTo(...parts: string[]): void {
  location.hash = boardLink(...parts);
}
