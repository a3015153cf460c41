/** The filters of the board, kept in its address; what is wrong or old in an address is named and left out. */
import type { Category, Community } from "../api/types";

export const FILTERS = ["street", "community", "group", "category", "q"] as const;
export type FilterName = (typeof FILTERS)[number];
export type Filters = Partial<Record<FilterName, string>>;

const LONGEST = 100;

export interface Reference {
  categories: Category[];
  communities: Community[];
}

/** `unknown`: a name that this board has never had, or no longer; `gone`: a value that is not in this person's reach. */
export interface Wrong {
  kind: "unknown" | "gone" | "repeated" | "long";
  name: string;
  value: string;
}

export interface Understood {
  filters: Filters;
  wrong: Wrong[];
}

export function readFilters(query: URLSearchParams, reference: Reference): Understood {
  const filters: Filters = {};
  const wrong: Wrong[] = [];
  for (const [name, value] of Array.from(query.entries())) {
    if (!isFilter(name)) wrong.push({ kind: "unknown", name, value });
    else if (name in filters) wrong.push({ kind: "repeated", name, value });
    else if (name === "q" && value.length > LONGEST) wrong.push({ kind: "long", name, value: value.slice(0, 20) });
    else if (!isKnown(name, value, reference)) wrong.push({ kind: "gone", name, value });
    else if (value.trim()) filters[name] = value;
  }
  return { filters, wrong };
}

function isFilter(name: string): name is FilterName {
  return (FILTERS as readonly string[]).includes(name);
}

function isKnown(name: FilterName, value: string, { categories, communities }: Reference): boolean {
  switch (name) {
    case "street":
      return communities.some((each) => each.street === value);
    case "community":
      return communities.some((each) => each.code === value);
    case "group":
      return categories.some((each) => each.group === value);
    case "category":
      return categories.some((each) => each.code === value);
    case "q":
      return true;
  }
}

/** `?community=…&q=…`, always in the same order; empty without filters. */
export function filterAddress(filters: Filters): string {
  const query = new URLSearchParams();
  for (const name of FILTERS) if (filters[name]) query.set(name, filters[name]);
  const words = query.toString();
  return words ? `?${words}` : "";
}
