/** The clocks of a case as a line: which ran when, what stopped them, and where their deadlines lay. */
import type { Hazard, HistoryEntry } from "../api/types";

export type SpanKind = "accept" | "fix" | "recheck" | "stopped" | "reply";

export interface Span {
  kind: SpanKind;
  from: number;
  to: number;
  /** Behind the deadline of its clock. */
  late: boolean;
  /** Why the clock stood still. */
  reason: string;
}

export interface Mark {
  kind: "due" | "earlierDue" | "now";
  at: number;
}

export interface ClockLine {
  from: number;
  to: number;
  spans: Span[];
  marks: Mark[];
}

const KINDS: Partial<Record<HistoryEntry["state"], SpanKind>> = {
  reported: "accept",
  accepted: "fix",
  assigned: "fix",
  rectifying: "fix",
  pending_recheck: "recheck",
  suspended: "stopped",
  transferred: "reply",
};
type DueField = "accept_due_at" | "due_at" | "recheck_due_at" | "reply_due_at" | "review_due_at";
const DUE: Record<SpanKind, DueField> = {
  accept: "accept_due_at",
  fix: "due_at",
  recheck: "recheck_due_at",
  stopped: "review_due_at",
  reply: "reply_due_at",
};

/** `history`: whole, oldest first. */
export function clockLine(hazard: Hazard, history: HistoryEntry[], now: number): ClockLine {
  const spans = joinSpans(history.reduce<Span[]>((found, entry, index) => [...found, ...spansAfter(hazard, history, entry, index, now)], []));
  const marks = dueMarks(hazard, history);
  if (!isEnded(hazard)) marks.push({ kind: "now", at: now });
  const from = Date.parse(hazard.reported_at);
  const instants = [...spans.map((each) => each.to), ...marks.map((each) => each.at)];
  return { from, to: Math.max(from + 1, ...instants), spans, marks };
}

function isEnded(hazard: Hazard): boolean {
  return KINDS[hazard.state] === undefined;
}

/** The time until the next entry, cut where its deadline lies. */
function spansAfter(hazard: Hazard, history: HistoryEntry[], entry: HistoryEntry, index: number, now: number): Span[] {
  const kind = KINDS[entry.state];
  if (!kind) return [];
  const next = history[index + 1];
  const from = Date.parse(entry.at);
  const to = next ? Date.parse(next.at) : Math.max(from, now);
  const reason = kind === "stopped" ? suspensionReason(history, index) : "";
  const due = dueAt(history, index, DUE[kind]);
  if (due === null || to <= due || hazard.advisory) return [{ kind, from, to, late: false, reason }];
  if (from >= due) return [{ kind, from, to, late: true, reason }];
  return [
    { kind, from, to: due, late: false, reason },
    { kind, from: due, to, late: true, reason },
  ];
}

/** The deadline as the latest entry up to this one has set it. */
function dueAt(history: HistoryEntry[], index: number, field: DueField): number | null {
  for (let at = index; at >= 0; at -= 1) {
    const set = history[at]?.clocks[field];
    if (set !== undefined) return set === null ? null : Date.parse(set);
  }
  return null;
}

function suspensionReason(history: HistoryEntry[], index: number): string {
  for (let at = index; at >= 0; at -= 1) {
    const entry = history[at];
    if (entry?.step === "suspend") return typeof entry.facts.reason === "string" ? entry.facts.reason : "";
  }
  return "";
}

function joinSpans(spans: Span[]): Span[] {
  const joined: Span[] = [];
  for (const span of spans) {
    const last = joined[joined.length - 1];
    if (last && last.kind === span.kind && last.late === span.late && last.to === span.from) last.to = span.to;
    else if (span.to > span.from) joined.push({ ...span });
  }
  return joined;
}

/** The deadline for the fix, and those that it replaced. */
function dueMarks(hazard: Hazard, history: HistoryEntry[]): Mark[] {
  const current = hazard.due_at ? Date.parse(hazard.due_at) : null;
  const told = history.map((entry) => entry.clocks.due_at).filter((each) => typeof each === "string");
  const earlier = Array.from(new Set(told.map((each) => Date.parse(each)))).filter((at) => at !== current);
  const marks: Mark[] = earlier.map((at) => ({ kind: "earlierDue", at }));
  if (current !== null) marks.push({ kind: "due", at: current });
  return marks;
}
