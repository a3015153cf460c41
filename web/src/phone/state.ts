/** What all screens of the phone share, beside what every page shares. */
import { computed } from "vue";
import type { QueueItem } from "../queue/records";
import type { Away } from "../queue/sender";
import { state as common } from "../shared/state";

export { categoryName, communityName, hasRole, say, serverNow } from "../shared/state";

interface Progress {
  photo: number;
  part: number;
}

/** The state of every page, and beside it what only a phone has. */
export const state = Object.assign(common, {
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
  /** Counts events of the server; whoever watches it reads again. */
  changes: 0,
  /** The same for messages, which are written a moment after the change that they are about. */
  messages: 0,
});

/** Reading needs a sign-in; without a network the last person of this browser goes on. */
export const mayRead = computed(() => state.signedIn !== "out");
export const waiting = computed(() => state.items.filter((each) => each.state === "waiting"));
export const refused = computed(() => state.items.filter((each) => each.state === "refused"));
