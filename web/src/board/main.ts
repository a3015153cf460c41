/** Opens the board. */
import { createApp, watch } from "vue";
import { NoServer } from "../api/answers";
import { listen, type LiveEvent } from "../api/live";
import { forgetPictures } from "../api/pictures";
import { onSession, readPerson, rememberedPerson, resume } from "../api/session";
import { readLimits, readReference } from "../shared/reference";
import { state } from "../shared/state";
import "../styles/board.css";
import { restoreLanguage } from "../words";
import { tBoard } from "../words/board";
import App from "./App.vue";
import { forgetLists, readLists, readListsSoon } from "./lists";
import { readPeople } from "./people";
import { board, filters, mayUse } from "./state";

let stopListening: (() => void) | null = null;

onSession((signedIn, expired) => {
  state.signedIn = signedIn;
  state.expired = expired;
  state.held = null;
  state.person = rememberedPerson();
  stopListening?.();
  stopListening = null;
  if (signedIn === "in" && mayUse.value) void begin();
  else {
    forgetLists(); // nothing stays on the screen of somebody who may no longer see it
    forgetPictures();
    board.selected.clear();
    board.dialog = "";
  }
}, (why) => (state.held = why));

async function begin(): Promise<void> {
  await tolerate(async () => {
    await Promise.all([readReference(), readPeople()]);
  });
  await readLists();
  stopListening ??= listen(hear, (on) => (board.live = on));
}

function hear({ name, afresh }: LiveEvent): void {
  if (name === "restart") {
    board.note = tBoard("noteRange");
    void tolerate(readPerson); // signs in anew, and so reads everything
    return;
  }
  if (name === "hazard" || name === "gone" || afresh) {
    readListsSoon();
    board.changes += 1;
  }
}

/** Without the server the page goes on with what it has. */
async function tolerate(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof NoServer)) throw error;
  }
}

watch(filters, (now, before) => {
  if (state.signedIn === "in" && mayUse.value && JSON.stringify(now) !== JSON.stringify(before)) void readLists();
});

async function open(): Promise<void> {
  restoreLanguage();
  state.person = rememberedPerson();
  createApp(App).mount("#page");
  await Promise.all([tolerate(readLimits), resume()]);
}
void open();
