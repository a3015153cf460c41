/** What all screens of the phone share. */
import { computed, reactive } from "vue";
import type { Held, Remembered, SignedIn } from "../api/session";
import type { Category, Community } from "../api/types";
import type { QueueItem } from "../queue/records";
import type { Away } from "../queue/sender";

interface Progress {
  photo: number;
  part: number;
}

export const state = reactive({
  signedIn: "unknown" as SignedIn,
  /** Who is signed in, or who was last: reports are kept under this name. */
  person: null as Remembered | null,
  held: null as Held | null,
  /** A sign-in that was there has ended by itself. */
  expired: false,
  online: navigator.onLine,
  away: null as Away | null,
  items: [] as QueueItem[],
  /** How many of other people wait on this phone. */
  others: 0,
  progress: {} as Record<string, Progress>,
  unread: 0,
  /** Whether the browser keeps what is queued. */
  lasting: true,
  /** How many the browser has cleared away unsent. */
  lost: 0,
  /** Milliseconds that the server's clock is ahead of this phone's. */
  clockOffset: Number(localStorage.getItem("anxun.clock") ?? 0),
  photoBytes: 20_000_000,
  categories: [] as Category[],
  communities: [] as Community[],
  /** Counts events of the server; whoever watches it reads again. */
  changes: 0,
  /** The same for messages, which are written a moment after the change that they are about. */
  messages: 0,
  now: Date.now(),
  /** Read aloud by a screen reader, and shown for a moment. */
  said: "",
});

/** Reading needs a sign-in; without a network the last person of this browser goes on. */
export const mayRead = computed(() => state.signedIn !== "out");
export const waiting = computed(() => state.items.filter((each) => each.state === "waiting"));
export const refused = computed(() => state.items.filter((each) => each.state === "refused"));
export const serverNow = computed(() => state.now + state.clockOffset);

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
