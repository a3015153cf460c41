/** The form of a report, kept on the phone while it is filled in, and turned into what the API takes. */
import type { Point } from "../api/types";
import { declarePhotos, type QueuedPhoto, type QueueItem } from "../queue/records";
import { newId } from "../shared/ids";
import { readHabits } from "./habits";
import { enqueue, resend, store } from "./outbox";
import { categoryName, state } from "./state";

export interface ReportForm {
  category: string;
  community: string;
  place: string;
  quantity: number;
  description: string;
  onSpot: boolean;
  method: string;
}

/** With what this person chose last, so that a report often needs a photo, a place and one more tap. */
export function newForm(): ReportForm {
  const habits = readHabits();
  const only = state.communities.length === 1 ? state.communities[0]?.code : undefined;
  const known = state.communities.some((each) => each.code === habits.community);
  return {
    category: habits.categories[0] ?? "",
    community: only ?? (known ? habits.community : ""),
    place: "",
    quantity: 1,
    description: "",
    onSpot: false,
    method: "",
  };
}

export async function saveDraft(form: ReportForm, photos: QueuedPhoto[]): Promise<void> {
  const person = state.person?.username;
  if (!person) return;
  if (!photos.length && !form.place && !form.description) await store.removeDraft(person);
  else await store.saveDraft(JSON.parse(JSON.stringify({ person, form, photos })) as Parameters<typeof store.saveDraft>[0]);
}

export async function readDraft(): Promise<{ form: ReportForm; photos: QueuedPhoto[] } | null> {
  const found = state.person ? await store.draft(state.person.username) : undefined;
  return found ? { form: { ...newForm(), ...(found.form as Partial<ReportForm>) }, photos: found.photos } : null;
}

/** The body of the report. Words are optional for the inspector; the category then says what was found. */
export function reportBody(id: string, form: ReportForm, photos: QueuedPhoto[], point: Point | null): Record<string, unknown> {
  const description = form.description.trim() || categoryName(form.category);
  const fixed = form.onSpot ? { fixed_on_spot: { method: form.method.trim(), quantity_done: form.quantity } } : {};
  return {
    id,
    community: form.community,
    category: form.category,
    description,
    place: form.place.trim(),
    quantity: form.quantity,
    found_at: new Date(Date.now() + state.clockOffset).toISOString(),
    photos: declarePhotos(photos),
    ...(point ? { point } : {}),
    ...fixed,
  };
}

export async function enqueueReport(form: ReportForm, photos: QueuedPhoto[], point: Point | null): Promise<void> {
  const id = newId();
  const body = reportBody(id, form, photos, point);
  await enqueue({ id, kind: "report", hazard: id, body, photos, title: categoryName(form.category), place: form.place });
}

/** Sends what a refused report has become in the form. */
export async function resendReport(item: QueueItem, form: ReportForm, photos: QueuedPhoto[], point: Point | null): Promise<void> {
  const body = reportBody(item.id, form, photos, point);
  await resend(item, body, photos, { title: categoryName(form.category), place: form.place });
}

/** A refused report, back in the form. */
export function formOf(body: Record<string, unknown>): ReportForm {
  const fixed = body.fixed_on_spot as { method?: string } | undefined;
  return {
    category: String(body.category),
    community: String(body.community),
    place: String(body.place),
    quantity: Number(body.quantity ?? 1),
    description: String(body.description),
    onSpot: fixed !== undefined,
    method: fixed?.method ?? "",
  };
}
