/** The words in which a page is described: its columns, its fields, and what can be done. `parts/` shows them. */
import type { Answer } from "../api/answers";
import type { Right } from "./rights";

export type Values = Record<string, unknown>;

export interface Choice {
  value: string;
  label: string;
}

/**
 * `moment`: a day and a time of Shanghai. `term`: an amount and a unit. `span`: two times of a day. `many`: some of the
 * choices. `list`: any number of the same `fields`. `table`: numbers by `rows` and `columns`. `grants`: roles within
 * communities. `area`: the whole office, a street or a community.
 */
export type Kind =
  | "line" | "text" | "password" | "number" | "yes" | "choice" | "many" | "moment" | "term" | "span" | "area" | "community"
  | "list" | "table" | "grants";

export interface Field {
  /** Where the value is in the body, such as `rules.acceptance.urgent`; "" in a list of plain values. */
  path: string;
  label: string;
  kind: Kind;
  hint?: string;
  /** May be left empty. Then it is sent as null, or not at all with `leftOut`. */
  optional?: boolean;
  leftOut?: boolean;
  choices?: readonly Choice[] | (() => readonly Choice[] | Promise<readonly Choice[]>);
  fields?: readonly Field[];
  /** The word on the button that adds to a list. */
  add?: string;
  rows?: readonly Choice[];
  columns?: readonly Choice[];
  autocomplete?: string;
  /** A heading above this field and those behind it. */
  section?: string;
}

export interface Secret {
  title: string;
  says: string;
  lines: { name: string; value: string }[];
}

interface Asked {
  path: string;
  body?: unknown;
}

/** A button. It opens a dialog with `fields`, or with what will happen; or it leads to another page. */
export interface Action<Row> {
  label: string;
  right: Right;
  offered?: (row: Row) => boolean;
  opens?: (row: Row) => string[];
  title?: (row: Row) => string;
  /** What will happen. */
  says?: (row: Row) => string;
  danger?: boolean;
  /** Has to be typed before it goes on. */
  retype?: (row: Row) => string;
  /** Reads the row anew before the dialog opens. */
  load?: (row: Row) => string;
  fields?: readonly Field[] | ((row: Row) => readonly Field[]);
  values?: (row: Row) => Values;
  /** `parent`: what follows the page's name in the address. */
  request?: (row: Row, values: Values, parent: string) => Asked;
  done?: (row: Row, answer: Answer<never>) => string;
  secret?: (answer: Answer<never>) => Secret | null;
}

export interface Column<Row> {
  title: string;
  text: (row: Row) => string;
  /** A second line, in grey. */
  more?: (row: Row) => string;
  mood?: (row: Row) => "late" | "soon" | "good" | "still" | "";
}

export interface Filter {
  name: string;
  label: string;
  kind: "choice" | "line" | "date";
  choices?: readonly Choice[];
}

export interface ListPage<Row> {
  title: string;
  lead: string;
  right: Right;
  /** The path of the API. `parent`: what follows the page's name in the address. */
  read: (parent: string) => string;
  /** Answers everything at once, without pages. */
  whole?: boolean;
  columns: readonly Column<Row>[];
  filters?: readonly Filter[];
  id: (row: Row) => string;
  empty: string;
  /** Above the list. `parent` as for `read`. */
  start?: readonly Action<string>[];
  actions?: readonly Action<Row>[];
  /** A page that lies below another, such as the devices of an account. */
  below?: { page: string; label: string };
}

/** A document that is edited as a whole. */
export interface FormPage {
  title: string;
  lead: string;
  right: Right;
  edits: Right;
  path: string;
  fields: readonly Field[];
  values: (answer: Values) => Values;
  /** Who edited it last. */
  edited: (answer: Values) => string;
  done: string;
}

/** A file of which first is shown what it would do. */
export interface ImportPage {
  title: string;
  lead: string;
  right: Right;
  path: string;
  accept: string;
  choices?: Filter;
  counts: readonly { name: string; label: string; late?: boolean }[];
  /** What the button does, with the number of lines. */
  go: (result: Values) => string;
  done: (result: Values) => string;
  secret?: (result: Values) => Secret | null;
}

export type Page =
  | { shows: "list"; page: ListPage<unknown> }
  | { shows: "form"; page: FormPage }
  | { shows: "import"; page: ImportPage }
  | { shows: "calendar" | "health"; page: { title: string; lead: string; right: Right } };

/** The screens do not know the rows of a page; what reads a row is handed the rows that this page has read. */
export function list<Row>(page: ListPage<Row>): Page {
  return { shows: "list", page: page as unknown as ListPage<unknown> };
}
