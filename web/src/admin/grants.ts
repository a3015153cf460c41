/** Roles within communities: one row holds a role, a period and all its communities. The API has a grant for each. */
import { flatMap, fromEntries } from "./collections";
import { fromLocal, toLocal } from "./moments";

export interface GrantRow {
  role: string;
  scopes: string[];
  /** As `<input type="datetime-local">` holds it; "" for no limit. */
  since: string;
  until: string;
}

interface Grant {
  role: string;
  scope: string;
  since?: string | null;
  until?: string | null;
  by?: string | null;
}

/** A grant that somebody lends is not part of the account, and is left out. */
export function groupGrants(grants: readonly Grant[]): GrantRow[] {
  const rows: GrantRow[] = [];
  for (const { role, scope, since, until, by } of grants) {
    if (by) continue;
    const period = { since: since ? toLocal(since) : "", until: until ? toLocal(until) : "" };
    const same = rows.find((row) => row.role === role && row.since === period.since && row.until === period.until);
    if (same) same.scopes.push(scope);
    else rows.push({ role, scopes: [scope], ...period });
  }
  return rows;
}

export function expandGrants(rows: readonly GrantRow[]): Grant[] {
  return flatMap(rows, ({ role, scopes, since, until }) =>
    scopes.map((scope) => ({
      role,
      scope,
      since: since ? fromLocal(since) : null,
      until: until ? fromLocal(until) : null,
    })),
  );
}

/** What is wrong with rows that would be sent as nothing, by their place. */
export function checkGrants(path: string, rows: readonly GrantRow[]): Record<string, string> {
  const words = rows.map(({ role, scopes }, index) => [`${path}.${index}`, !role ? "请选择角色" : scopes.length ? "" : "请选择社区"] as const);
  return fromEntries(words.filter(([, missing]) => missing));
}

/** The row that has become the grant at `index`. */
export function grantRowOf(rows: readonly GrantRow[], index: number): number {
  let first = 0;
  for (const [number, row] of rows.entries()) {
    first += row.scopes.length;
    if (index < first) return number;
  }
  return Math.max(0, rows.length - 1);
}
