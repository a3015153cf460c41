/** What the screens of every page share: who is signed in, the words of the office, and the server's time. */
import { computed, reactive } from "vue";
import type { Held, Remembered, SignedIn } from "../api/session";
import type { Category, Community } from "../api/types";

export const state = reactive({
  signedIn: "unknown" as SignedIn,
  /** Who is signed in, or who was last. */
  person: null as Remembered | null,
  held: null as Held | null,
  /** A sign-in that was there has ended by itself. */
  expired: false,
  /** Milliseconds that the server's clock is ahead of this machine's. */
  clockOffset: Number(localStorage.getItem("anxun.clock") ?? 0),
  photoBytes: 20_000_000,
  /** All categories, also those that only devices report. */
  categories: [] as Category[],
  communities: [] as Community[],
  now: Date.now(),
  /** Read aloud by a screen reader, and shown for a moment. */
  said: "",
});

export const serverNow = computed(() => state.now + state.clockOffset);
/** The categories that a person may choose. */
export const ownCategories = computed(() => state.categories.filter((each) => !each.from_device));

export function hasRole(...roles: string[]): boolean {
  return roles.some((role) => state.person?.roles.includes(role));
}

let hush = 0;

export function say(words: string): void {
  clearTimeout(hush);
  state.said = words;
  hush = window.setTimeout(() => (state.said = ""), 6_000);
}

export function categoryName(code: string): string {
  return state.categories.find((each) => each.code === code)?.name ?? code;
}

export function communityName(code: string): string {
  return state.communities.find((each) => each.code === code)?.name ?? code;
}

setInterval(() => (state.now = Date.now()), 20_000);
