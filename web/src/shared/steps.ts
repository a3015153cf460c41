/** The steps of a hazard and what each asks for. The server says in `next_steps` which of them a person may take now. */
import type { Stage } from "../api/types";
import type { Key } from "../words";

export type FieldKind =
  "line" | "text" | "quantity" | "choice" | "person" | "people" | "date" | "category" | "number" | "score" | "yes";

export interface Field {
  name: string;
  kind: FieldKind;
  required?: boolean;
  /** Required if one of these fields has a value. */
  requiredWith?: string[];
  /** Required if none of these fields has a value. */
  requiredWithout?: string[];
  /** Values, and the kind of words they have. */
  values?: string[];
  words?: "outcome" | "severity" | "priority" | "level" | "steps" | "party";
  /** The object in which the request has this field. */
  within?: "arrangements" | "responsible_party";
}

export interface StepForm {
  fields: Field[];
  /** What a major hazard needs as well. */
  major?: Field[];
  /** Photos of this stage may be added. */
  photos?: Stage;
  needs?: "photo" | "photo or note";
  /** What the step is called in the request, where it differs from its name in `next_steps`. */
  sends?: { step: string; result?: string };
}

const reason: Field = { name: "reason", kind: "text", required: true };
const note: Field = { name: "note", kind: "text" };
const due: Field = { name: "due_at", kind: "date", required: true };

function recheck(result: string, more: Partial<StepForm> & { fields: Field[] }): StepForm {
  return { photos: "recheck", ...more, sends: { step: "recheck", result } };
}

function choice(name: string, words: Field["words"], values: string[], required = false): Field {
  return { name, kind: "choice", words, values, required };
}

/** 五落实: what must be settled before a major hazard is fixed. */
export const ARRANGEMENTS: Field[] = [
  { name: "responsible", kind: "line", required: true, within: "arrangements" },
  { name: "measures", kind: "text", required: true, within: "arrangements" },
  { name: "funds", kind: "line", required: true, within: "arrangements" },
  { name: "time_limit", kind: "date", required: true, within: "arrangements" },
  { name: "plan", kind: "text", required: true, within: "arrangements" },
];

/** 整改责任主体, which needs no account: a link and a notice are made for it. */
const PARTY: Field[] = [
  {
    ...choice("kind", "party", ["owner", "tenant", "property", "committee", "merchant", "organisation"]),
    requiredWith: ["name", "phone"],
    within: "responsible_party",
  },
  { name: "name", kind: "line", requiredWith: ["kind", "phone"], within: "responsible_party" },
  { name: "phone", kind: "line", within: "responsible_party" },
];

export const STEPS: Record<string, StepForm> = {
  accept: {
    fields: [
      choice("severity", "severity", ["general", "major"]),
      choice("priority", "priority", ["urgent", "high", "normal"]),
    ],
  },
  assign: { fields: [{ name: "lead", kind: "person", requiredWithout: ["name"] }, { name: "assisting", kind: "people" }, ...PARTY] },
  start: { fields: [] },
  submit_fix: {
    fields: [
      { name: "method", kind: "line", required: true },
      { name: "quantity_done", kind: "quantity", required: true },
      choice("outcome", "outcome", ["removed", "altered", "escape_opening", "other"]),
      note,
      { name: "on_behalf_of", kind: "line" },
    ],
    photos: "after",
    needs: "photo",
  },
  "recheck.pass": recheck("pass", { fields: [note], needs: "photo or note" }),
  "recheck.fail": recheck("fail", { fields: [reason, due, note] }),
  "recheck.partial": recheck("partial", { fields: [{ name: "quantity_done", kind: "quantity", required: true }, note] }),
  "recheck.refused": recheck("refused", { fields: [reason, { ...note, required: true }] }),
  "recheck.expired": recheck("expired", { fields: [note], needs: "photo or note" }),
  verify: {
    fields: [choice("outcome", "outcome", ["unfounded", "false_alarm", "self_resolved"], true), note],
    photos: "recheck",
    needs: "photo or note",
  },
  look_back: {
    fields: [choice("result", "steps", ["look_back.holds", "look_back.rebound"], true), note],
    photos: "recheck",
  },
  reject: { fields: [reason] },
  merge: { fields: [{ name: "into", kind: "number", required: true }] },
  return: { fields: [reason] },
  request_extension: { fields: [due, reason] },
  decide_extension: {
    fields: [
      { name: "granted", kind: "yes", required: true },
      { name: "due_at", kind: "date" },
      { name: "reason", kind: "text" },
    ],
  },
  suspend: {
    fields: [
      reason,
      { name: "measures", kind: "text", required: true },
      { name: "review_at", kind: "date", required: true },
    ],
  },
  resume: { fields: [note] },
  set_cause: { fields: [{ name: "category", kind: "category", required: true }, reason], photos: "before" },
  reclassify: { fields: [{ name: "category", kind: "category", required: true }, reason] },
  propose_major: { fields: [{ name: "basis", kind: "text", required: true }] },
  confirm_major: {
    fields: [
      { name: "confirmed", kind: "yes", required: true },
      { name: "authority", kind: "line" },
      { name: "document", kind: "line" },
      { name: "reason", kind: "text" },
    ],
  },
  supervise: {
    fields: [
      choice("level", "level", ["subdistrict", "district", "city", "province"], true),
      { name: "document", kind: "line", required: true },
    ],
    major: ARRANGEMENTS,
  },
  unsupervise: { fields: [reason] },
  transfer: { fields: [{ name: "to", kind: "line", required: true }, reason] },
  "transfer_reply.settled": {
    fields: [{ name: "receipt", kind: "line", required: true }, note],
    sends: { step: "transfer_reply", result: "settled" },
  },
  "transfer_reply.returned": {
    fields: [{ name: "receipt", kind: "line", required: true }, note, { ...due, required: false }],
    sends: { step: "transfer_reply", result: "returned" },
  },
  reopen: { fields: [reason, due, choice("priority", "priority", ["urgent", "high", "normal"])] },
  evaluate: { fields: [{ name: "score", kind: "score", required: true }, { name: "words", kind: "text" }] },
  attach: { fields: [note], photos: "before", needs: "photo" },
  note: { fields: [{ ...note, required: true }] },
  cancel: { fields: [reason] },
};

/** The steps that carry the loop on, in the order of their buttons; all others are behind one more tap. */
const LEADING = [
  "start", "submit_fix", "recheck.pass", "recheck.fail", "accept", "assign", "reject", "verify", "look_back",
  "decide_extension", "confirm_major", "resume",
];

export function sortSteps(possible: string[]): { leading: string[]; others: string[] } {
  const known = possible.filter((step) => step in STEPS);
  return {
    leading: LEADING.filter((step) => known.includes(step)).slice(0, 3),
    others: known.filter((step) => !LEADING.filter((each) => known.includes(each)).slice(0, 3).includes(step)),
  };
}

/** The form of a step on a hazard. Undefined: a step that this page does not know. */
export function stepForm(step: string, isMajor: boolean): StepForm | undefined {
  const form = STEPS[step];
  return form?.major && isMajor ? { ...form, fields: [...form.fields, ...form.major] } : form;
}

export function fieldLabel({ name, within }: Field): Key {
  return (within ? `step.${within}.${name}` : `step.${name}`) as Key;
}
