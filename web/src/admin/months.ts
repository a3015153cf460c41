/** A month as a grid of weeks that begin on Monday, and the days of a year that are not as usual. */
export interface SpecialDay {
  day: string;
  working: boolean;
  name: string;
}

export interface GridDay {
  day: string;
  number: number;
  weekend: boolean;
  special: SpecialDay | null;
  /** Whether people work. */
  working: boolean;
}

const DAY = 86_400_000;

/** Weeks of a month (1–12); null where the week has days of other months. */
export function monthGrid(year: number, month: number, special: ReadonlyMap<string, SpecialDay>): (GridDay | null)[][] {
  const first = Date.UTC(year, month - 1, 1);
  const length = (Date.UTC(year, month, 1) - first) / DAY;
  const cells: (GridDay | null)[] = Array.from({ length: weekday(first) }, () => null);
  for (let number = 1; number <= length; number++) cells.push(gridDay(first + (number - 1) * DAY, number, special));
  while (cells.length % 7) cells.push(null);
  return Array.from({ length: cells.length / 7 }, (_, week) => cells.slice(week * 7, week * 7 + 7));
}

function gridDay(at: number, number: number, special: ReadonlyMap<string, SpecialDay>): GridDay {
  const day = new Date(at).toISOString().slice(0, 10);
  const weekend = weekday(at) > 4;
  const found = special.get(day) ?? null;
  return { day, number, weekend, special: found, working: found?.working ?? !weekend };
}

/** Monday is 0. */
export function weekday(at: number): number {
  return (new Date(at).getUTCDay() + 6) % 7;
}

export interface Change {
  day: string;
  before: SpecialDay | null;
  after: SpecialDay | null;
}

/** The days on which two schedules differ, in order. */
export function compareDays(before: ReadonlyMap<string, SpecialDay>, after: ReadonlyMap<string, SpecialDay>): Change[] {
  const days = Array.from(new Set([...Array.from(before.keys()), ...Array.from(after.keys())])).sort();
  return days
    .map((day) => ({ day, before: before.get(day) ?? null, after: after.get(day) ?? null }))
    .filter(({ before: old, after: now }) => old?.working !== now?.working || old?.name !== now?.name);
}
