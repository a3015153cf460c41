/** The keys of the board. The table is what works and what `?` shows. */
export type Command =
  | "next" | "previous" | "left" | "right" | "first" | "last" | "open" | "close"
  | "select" | "selectAll" | "accept" | "assign" | "merge" | "search" | "filter" | "refresh" | "steps" | "compare"
  | "zoomIn" | "zoomOut" | "zoomReset" | "caption" | "help";

export interface Binding {
  command: Command;
  /** As browsers name them (`KeyboardEvent.key`). */
  keys: string[];
  group: "move" | "act" | "find" | "case";
}

export const BINDINGS: readonly Binding[] = [
  { command: "next", keys: ["j", "ArrowDown"], group: "move" },
  { command: "previous", keys: ["k", "ArrowUp"], group: "move" },
  { command: "left", keys: ["h", "ArrowLeft"], group: "move" },
  { command: "right", keys: ["l", "ArrowRight"], group: "move" },
  { command: "first", keys: ["g", "Home"], group: "move" },
  { command: "last", keys: ["G", "End"], group: "move" },
  { command: "open", keys: ["Enter", "o"], group: "move" },
  { command: "close", keys: ["Escape"], group: "move" },
  { command: "select", keys: ["x"], group: "act" },
  { command: "selectAll", keys: ["X"], group: "act" },
  { command: "accept", keys: ["a"], group: "act" },
  { command: "assign", keys: ["s"], group: "act" },
  { command: "merge", keys: ["m"], group: "act" },
  { command: "search", keys: ["/"], group: "find" },
  { command: "filter", keys: ["f"], group: "find" },
  { command: "refresh", keys: ["r"], group: "find" },
  { command: "help", keys: ["?"], group: "find" },
  { command: "steps", keys: ["."], group: "case" },
  { command: "compare", keys: ["w"], group: "case" },
  { command: "zoomIn", keys: ["+", "="], group: "case" },
  { command: "zoomOut", keys: ["-"], group: "case" },
  { command: "zoomReset", keys: ["0"], group: "case" },
  { command: "caption", keys: ["c"], group: "case" },
];

export interface Press {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/** Null: the key belongs to the browser or to the field in which somebody types. */
export function commandOf(press: Press, typing: boolean): Command | null {
  if (press.ctrlKey || press.metaKey || press.altKey) return null;
  if (typing && press.key !== "Escape") return null;
  return BINDINGS.find((each) => each.keys.includes(press.key))?.command ?? null;
}

/** Whether keys go to this element as text or a choice. */
export function isTypedInto(element: Element | null): boolean {
  return element !== null && /^(INPUT|SELECT|TEXTAREA)$/.test(element.tagName);
}
