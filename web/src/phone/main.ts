/** Opens the phone's page: first what is on the phone, then the server. */
import { createApp, watch } from "vue";
import { forgetPictures } from "../api/pictures";
import { NoServer } from "../api/answers";
import { BASE } from "../api/http";
import { listen } from "../api/live";
import { call, type Held, onSession, rememberedPerson, resume } from "../api/session";
import type { Inbox } from "../api/types";
import "../styles/phone.css";
import App from "./App.vue";
import { readArrival } from "./arrival";
import { openOutbox, opensOffline, refresh, wake } from "./outbox";
import { readKeptReference, readLimits, readReference } from "../shared/reference";
import { go } from "../shared/router";
import { restoreLanguage } from "../words";
import { state } from "./state";
import "virtual:shared"; // what the screens that come later share with this script

let stopListening: (() => void) | null = null;

onSession((signedIn, expired) => {
  state.signedIn = signedIn;
  state.held = null;
  state.expired = expired;
  if (state.person?.username !== rememberedPerson()?.username) {
    forgetPictures();
    state.unread = 0;
  }
  state.person = rememberedPerson();
  readKeptReference();
  void refresh();
  stopListening?.();
  stopListening = null;
  if (signedIn !== "in") return;
  stopListening = listen(() => {
    state.changes += 1;
    void expectMessages();
  });
  void tolerate(readReference);
  void tolerate(readUnread);
  wake();
}, hold);

function hold(why: Held): void {
  state.held = why;
  if (why === "password_old") go("password");
}

const FIRST_LOOK = 500;
const NEXT_LOOK = 5_000;
let expectedUntil = 0;
let expecting = false;

/** Looks for messages soon after an event, and again for those that a busy server writes later. */
async function expectMessages(): Promise<void> {
  expectedUntil = Date.now() + NEXT_LOOK;
  if (expecting) return;
  expecting = true;
  for (let wait = FIRST_LOOK; Date.now() < expectedUntil; wait = NEXT_LOOK) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    state.messages += 1;
  }
  expecting = false;
}

async function readUnread(): Promise<void> {
  const answer = await call<Inbox>("/inbox?limit=1&unread=true");
  if (answer.ok) state.unread = answer.data.unread;
}

/** Without the server the page goes on with what it has. */
async function tolerate(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof NoServer)) throw error;
  }
}

async function open(): Promise<void> {
  const arrived = readArrival();
  restoreLanguage();
  state.person = rememberedPerson();
  readKeptReference();
  await openOutbox();
  if (arrived) go("sign-in");
  createApp(App).mount("#page");
  if (opensOffline) void navigator.serviceWorker.register(`${BASE}/m/worker.js`, { scope: `${BASE}/m` }).catch(() => undefined);
  await Promise.all([tolerate(readLimits), arrived ? undefined : resume()]);
}

watch(
  () => state.messages,
  () => {
    if (state.signedIn === "in") void tolerate(readUnread);
  },
);
window.addEventListener("online", () => {
  if (state.signedIn === "unknown") void resume();
  void tolerate(readLimits);
});
void open();
