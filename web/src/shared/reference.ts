/** Categories and communities, kept on the phone for each person, and the clock of the server. */
import { call } from "../api/session";
import { send } from "../api/http";
import type { Category, Community, Limits } from "../api/types";
import { state } from "./state";

interface Reference {
  categories: Category[];
  communities: Community[];
}

function place(): string {
  return `anxun.reference.${state.person?.username ?? ""}`;
}

export function readKeptReference(): void {
  const kept = JSON.parse(localStorage.getItem(place()) ?? "null") as Reference | null;
  state.categories = kept?.categories ?? [];
  state.communities = kept?.communities ?? [];
}

export async function readReference(): Promise<void> {
  const [categories, communities] = await Promise.all([
    call<{ items: Category[] }>("/categories"),
    call<{ items: Community[] }>("/communities"),
  ]);
  if (!categories.ok || !communities.ok) return;
  state.categories = categories.data.items;
  state.communities = communities.data.items;
  localStorage.setItem(place(), JSON.stringify({ categories: state.categories, communities: state.communities }));
}

/** Measures by how much this phone's clock differs; a phone may be a year off. */
export async function readLimits(): Promise<void> {
  const answer = await send<Limits>("/limits");
  if (!answer.ok) return;
  const offset = Date.parse(answer.data.server_time) - Date.now();
  state.clockOffset = Math.abs(offset) < 60_000 ? 0 : offset;
  state.photoBytes = answer.data.photo_bytes;
  localStorage.setItem("anxun.clock", String(state.clockOffset));
}
