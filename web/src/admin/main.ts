/** Opens the admin pages: who is signed in, then the words of the office, then the page of the address. */
import { createApp } from "vue";
import { NoServer } from "../api/answers";
import { onSession, rememberedPerson, resume } from "../api/session";
import { readKeptReference, readLimits, readReference } from "../shared/reference";
import { state } from "../shared/state";
import "./admin.css";
import App from "./App.vue";

onSession(
  (signedIn, expired) => {
    state.person = rememberedPerson();
    state.held = null;
    state.expired = expired;
    state.signedIn = signedIn;
    readKeptReference();
    if (signedIn === "in") void tolerate(readReference);
  },
  (why) => (state.held = why),
);

/** Without the server the page says so itself, where it asks. */
async function tolerate(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof NoServer)) throw error;
  }
}

async function open(): Promise<void> {
  await Promise.all([resume(), tolerate(readLimits)]);
  createApp(App).mount("#page");
}

void open();
