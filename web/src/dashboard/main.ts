/** Opens the dashboard: signs in, and reads the numbers again whenever the filters of the address change. */
import { createApp, watch } from "vue";
import { NoServer } from "../api/answers";
import { onSession, rememberedPerson, resume } from "../api/session";
import { loadLazy } from "../shared/lazy";
import { readLimits, readReference } from "../shared/reference";
import { restoreLanguage } from "../words";
import "../styles/dashboard.css";
import App from "./App.vue";
import { filters, forget, readAreas, refresh, screen, state } from "./state";

onSession(
  (signedIn, expired) => {
    if (signedIn !== "in") forget();
    state.signedIn = signedIn;
    state.expired = expired;
    state.held = null;
    state.person = rememberedPerson();
    if (signedIn === "in") void tolerate(begin);
  },
  (why) => (state.held = why),
);

/** The names of places first: the filters of the address are held against them. */
async function begin(): Promise<void> {
  loadLazy("charts").catch(() => undefined); // comes while the numbers are read; a chart says if it has failed
  if (!state.communities.length) await readReference();
  await Promise.all([refresh(), readAreas()]);
}

/** The screens say what could not be read. */
async function tolerate(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof NoServer)) throw error;
  }
}

watch(
  () => JSON.stringify(filters.value),
  () => {
    if (state.signedIn === "in" && screen.value !== "cases") void refresh();
  },
);

/** The layout of paper is a class, so that charts can measure it before they are printed. */
function layOutPaper({ type }: Event): void {
  document.documentElement.classList.toggle("paper", type === "beforeprint");
}

window.addEventListener("beforeprint", layOutPaper);
window.addEventListener("afterprint", layOutPaper);
restoreLanguage();
createApp(App).mount("#page");
void tolerate(readLimits).then(resume);
