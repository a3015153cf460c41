/** Turns the fields of a step into what the API takes. */
import { call } from "../api/session";
import type { Hazard, HazardList } from "../api/types";
import { declarePhotos, type QueuedPhoto } from "../queue/records";
import { t } from "../words";
import { endOfDay } from "../words/times";
import { type Field, fieldLabel, type StepForm } from "./steps";

export type Values = Record<string, unknown>;

/** What is wrong with each field, in words; empty if nothing is. */
export function checkStep(form: StepForm, values: Values, photos: QueuedPhoto[]): Record<string, string> {
  const wrong: Record<string, string> = {};
  for (const field of form.fields) {
    if (isRequired(field, values) && isEmpty(values[field.name])) wrong[field.name] = t("step.need", { field: t(fieldLabel(field)) });
  }
  const rebounds = values.result === "look_back.rebound" && !photos.length;
  if ((form.needs === "photo" && !photos.length) || rebounds) wrong.photos = t("step.needPhoto");
  if (form.needs === "photo or note" && !photos.length && isEmpty(values.note)) wrong.photos = t("step.needPhotoOrNote");
  return wrong;
}

function isRequired(field: Field, values: Values): boolean {
  const has = (name: string) => !isEmpty(values[name]);
  const { requiredWith = [], requiredWithout } = field;
  return field.required === true || requiredWith.some(has) || (requiredWithout !== undefined && !requiredWithout.some(has));
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === "string" && !value.trim());
}

export function stepBody(step: string, form: StepForm, id: string, version: number, values: Values, photos: QueuedPhoto[]): Values {
  const body: Values = { id, version, ...(form.sends ?? { step }), made_at: new Date().toISOString() };
  for (const field of form.fields) {
    const value = values[field.name];
    if (isEmpty(value) || (Array.isArray(value) && !value.length)) continue;
    const target = field.within ? ((body[field.within] ??= {}) as Values) : body;
    target[field.name] = convert(field, value);
  }
  if (form.photos && photos.length) body.photos = declarePhotos(photos);
  return body;
}

function convert(field: Field, value: unknown): unknown {
  if (field.kind === "date") return endOfDay(value as string);
  if (field.words === "steps") return (value as string).split(".").pop();
  return typeof value === "string" ? value.trim() : value;
}

/** A hazard by the number that people write. Null if there is none. Throws NoServer. */
export async function findByNumber(number: string): Promise<Hazard | null> {
  const answer = await call<HazardList>(`/hazards?${new URLSearchParams({ q: number.trim(), limit: "20" }).toString()}`);
  return answer.ok ? (answer.data.items.find((each) => each.number === number.trim()) ?? null) : null;
}
