/** What this person chose last: categories, community and places. It stays on this phone. */
import { state } from "./state";

interface Habits {
  categories: string[];
  community: string;
  /** By community, the latest first. */
  places: Record<string, string[]>;
}

const MOST_PLACES = 30;

function place(): string {
  return `anxun.habits.${state.person?.username ?? ""}`;
}

export function readHabits(): Habits {
  const kept = JSON.parse(localStorage.getItem(place()) ?? "{}") as Partial<Habits>;
  return { categories: kept.categories ?? [], community: kept.community ?? "", places: kept.places ?? {} };
}

export function rememberChoice(category: string, community: string, spot: string): void {
  const habits = readHabits();
  habits.categories = toFront(category, habits.categories, 8);
  habits.community = community;
  habits.places[community] = toFront(spot, habits.places[community] ?? [], MOST_PLACES);
  localStorage.setItem(place(), JSON.stringify(habits));
}

function toFront(value: string, values: string[], most: number): string[] {
  return [value, ...values.filter((each) => each !== value)].slice(0, most);
}
