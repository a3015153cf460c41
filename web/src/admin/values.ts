/** What fields hold, the body that is sent, and the field that a refusal is about. */
import { fromEntries } from "./collections";
import type { Choice, Field, Values } from "./describe";
import { checkGrants, expandGrants, type GrantRow, groupGrants, grantRowOf } from "./grants";
import { fromLocal, toLocal } from "./moments";
import type { FieldProblem } from "./types";

export function readPath(from: unknown, path: string): unknown {
  return parts(path).reduce<unknown>((value, part) => (value as Values | null | undefined)?.[part], from);
}

/** Sets a value in place, with the objects on the way to it. */
export function writePath(into: Values, path: string, value: unknown): void {
  const way = parts(path);
  const last = way.pop();
  if (last === undefined) return;
  let place = into;
  for (const part of way) place = (place[part] ??= {}) as Values;
  place[last] = value;
}

function parts(path: string): string[] {
  return path.split(".").filter(Boolean);
}

export function join(prefix: string, path: string): string {
  return [prefix, path].filter(Boolean).join(".");
}

/** The values of a body as fields show them. */
export function openValues(fields: readonly Field[], body: Values): Values {
  const values = copy(body);
  for (const field of fields) writePath(values, field.path, open(field, readPath(body, field.path)));
  return values;
}

function open(field: Field, value: unknown): unknown {
  switch (field.kind) {
    case "moment":
      return typeof value === "string" ? toLocal(value) : "";
    case "grants":
      return groupGrants((value ?? []) as Parameters<typeof groupGrants>[0]);
    case "list":
      return ((value ?? []) as unknown[]).map((each) => openItem(field.fields ?? [], each));
    case "span":
      return ((value ?? ["", ""]) as string[]).map((each) => each.slice(0, 5));
    case "term":
      return value ? copy(value) : { amount: null, unit: "" };
    case "table":
      return copy(value ?? {});
    case "many":
      return copy(value ?? []);
    case "yes":
      return value === true;
    case "number":
      return value ?? null;
    default:
      return value ?? "";
  }
}

/** An item of a list is an object of its fields, or the one plain value that its only field holds. */
function openItem(fields: readonly Field[], item: unknown): Values {
  const [only] = fields;
  return only?.path === "" ? { value: open(only, item) } : openValues(fields, item as Values);
}

export function emptyItem(fields: readonly Field[]): Values {
  return openItem(fields, fields[0]?.path === "" ? undefined : {});
}

/** The body that fields make: their values, and beside them what no field shows. */
export function closeValues(fields: readonly Field[], values: Values): Values {
  const body = copy(values);
  for (const field of fields) {
    const sent = close(field, readPath(values, field.path));
    writePath(body, field.path, sent === null && field.leftOut ? undefined : sent);
  }
  return body;
}

function close(field: Field, value: unknown): unknown {
  switch (field.kind) {
    case "moment":
      return value ? fromLocal(value as string) : null;
    case "grants":
      return expandGrants((value ?? []) as GrantRow[]);
    case "list":
      return ((value ?? []) as Values[]).map((each) => closeItem(field.fields ?? [], each));
    case "span":
      return field.optional && (value as string[]).every((each) => !each) ? null : (value as string[]).map(closeTime);
    case "term":
      return field.optional && !(value as Values).amount ? null : value;
    case "table":
      return closeTable(field, value as Record<string, Values>);
    case "number":
      return typeof value === "number" ? value : null;
    case "yes":
    case "many":
      return value;
    default:
      return closeText(field, value);
  }
}

/** What is no time is sent as it was typed, so that the server says so. */
function closeTime(typed: string): string {
  const [, hour = "", minute = ""] = /^(\d{1,2})[:：](\d{2})$/.exec(typed.trim()) ?? [];
  return hour ? `${hour.length < 2 ? "0" : ""}${hour}:${minute}:00` : typed.trim();
}

/** A password is sent as it was typed. What has to be there is sent empty, so that the server says what it lacks. */
function closeText(field: Field, value: unknown): unknown {
  const text = typeof value === "string" ? (field.kind === "password" ? value : value.trim()) : "";
  return text || !field.optional ? text : null;
}

function closeItem(fields: readonly Field[], item: Values): unknown {
  const [only] = fields;
  return only?.path === "" ? close(only, item.value) : closeValues(fields, item);
}

/** Rows with nothing in them are left out, and so are empty cells. */
function closeTable(field: Field, cells: Record<string, Values>): Values {
  const rows = Object.entries(cells).map(([row, each]) => {
    const filled = Object.entries(each).filter(([, value]) => typeof value === "number");
    return [row, fromEntries(filled)] as const;
  });
  const known = (field.rows ?? []).map((each: Choice) => each.value);
  return fromEntries(rows.filter(([row, each]) => known.includes(row) && Object.keys(each).length));
}

function copy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

export interface Placed {
  /** What is wrong, by the place of the field that shows it. */
  wrong: Record<string, string>;
  /** What no field of the form is about. */
  rest: string[];
}

/** Puts each refusal of the server beside its field. */
export function placeProblems(fields: readonly Field[], problems: readonly FieldProblem[], values: Values): Placed {
  const placed: Placed = { wrong: {}, rest: [] };
  for (const { field, message } of problems) {
    const place = findPlace(fields, field.replace(/\[(\d+)\]/g, ".$1"), values);
    if (place === null) placed.rest.push(message);
    else placed.wrong[place] = [placed.wrong[place], message].filter(Boolean).join("；");
  }
  return placed;
}

function findPlace(fields: readonly Field[], wanted: string, values: Values, prefix = ""): string | null {
  for (const field of fields) {
    const path = join(prefix, field.path);
    if (wanted !== path && !wanted.startsWith(`${path}.`)) continue;
    const [index = ""] = wanted.slice(path.length + 1).split(".");
    if (!/^\d+$/.test(index)) return path;
    if (field.kind === "grants") return join(path, String(grantRowOf(readPath(values, path) as GrantRow[], Number(index))));
    if (field.kind === "list") return findPlace(field.fields ?? [], wanted, values, `${path}.${index}`) ?? path;
    return path;
  }
  return null;
}

/** What only the page can know: rows of roles that are not finished, of which nothing would be sent. */
export function checkValues(fields: readonly Field[], values: Values): Record<string, string> {
  const grants = fields.filter((each) => each.kind === "grants");
  return Object.assign({}, ...grants.map(({ path }) => checkGrants(path, readPath(values, path) as GrantRow[]))) as Record<string, string>;
}
