/** The history of a case as people tell it: who did what, and the facts worth a word. */
import type { HistoryEntry } from "../api/types";
import { stepName } from "../shared/stepName";
import { tCode } from "../words";
import { type BoardKey, tBoard } from "../words/board";

export interface Told {
  id: string;
  at: string;
  who: string;
  what: string;
  /** Who lent the power. */
  actingFor: string;
  details: string[];
}

type Say = (value: unknown) => string;
const plain: Say = (value) => String(value);
/** Facts with words, in the order in which they are told; "named": people. */
const FACTS: [string, BoardKey, "named" | Say][] = [
  ["lead", "fact.lead", "named"],
  ["assisting", "fact.assisting", "named"],
  ["dispatch_rule", "fact.byRule", () => ""],
  ["severity", "fact.severity", (code) => tCode("severity", String(code))],
  ["priority", "fact.priority", (code) => tCode("priority", String(code))],
  ["reason", "fact.reason", plain],
  ["method", "fact.method", plain],
  ["quantity_done", "fact.quantity", plain],
  ["outcome", "fact.outcome", (code) => tCode("outcome", String(code))],
  ["on_behalf_of", "fact.onBehalfOf", plain],
  ["measures", "fact.measures", plain],
  ["basis", "fact.basis", plain],
  ["authority", "fact.authority", plain],
  ["document", "fact.document", plain],
  ["to", "fact.to", plain],
  ["receipt", "fact.receipt", plain],
  ["score", "fact.score", plain],
  ["words", "fact.words", plain],
  ["note", "fact.note", plain],
];

export interface Sayings {
  name: (username: string) => string;
  time: (iso: string) => string;
}

export function tellStory(history: HistoryEntry[], sayings: Sayings): Told[] {
  return history.map((entry) => ({
    id: entry.id,
    at: entry.at,
    who: sayings.name(entry.by),
    what: stepName({ ...entry.facts, step: entry.step }),
    actingFor: entry.acting_for ? sayings.name(entry.acting_for) : "",
    details: [...factWords(entry.facts, sayings), ...clockWords(entry, sayings)],
  }));
}

function factWords(facts: Record<string, unknown>, sayings: Sayings): string[] {
  const told: string[] = [];
  for (const [name, key, how] of FACTS) {
    const value = facts[name];
    if (value === null || value === undefined || value === "" || (Array.isArray(value) && !value.length)) continue;
    if (typeof value === "object" && !Array.isArray(value)) continue;
    const names = ([] as unknown[]).concat(value).map((each) => sayings.name(String(each))).join("、");
    told.push(tBoard(key, { value: how === "named" ? names : how(value) }));
  }
  return told;
}

function clockWords({ clocks }: HistoryEntry, { time }: Sayings): string[] {
  const told: string[] = [];
  if (clocks.due_at) told.push(tBoard("fact.due", { value: time(clocks.due_at) }));
  if (clocks.recheck_due_at) told.push(tBoard("fact.recheckDue", { value: time(clocks.recheck_due_at) }));
  return told;
}

/** What others did since the version that somebody saw, newest last: the answer to a 409. */
export function doneMeanwhile(history: HistoryEntry[], seenVersion: number): HistoryEntry[] {
  return history.filter((entry) => entry.version > seenVersion);
}
