/** Addresses after `#`, so that every state has a link and the back button works, and the server sees none of it. */
import { computed, ref } from "vue";

const hash = ref(location.hash);
window.addEventListener("hashchange", () => (hash.value = location.hash));

/** `#/hazards/0190…/steps/start` is ["hazards", "0190…", "steps", "start"]. */
export const route = computed(() => hash.value.replace(/^#\/?/, "").split("/").filter(Boolean).map(decodeURIComponent));

export function go(...parts: string[]): void {
  location.hash = `#/${parts.map(encodeURIComponent).join("/")}`;
}

export function link(...parts: string[]): string {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

/** Back to where one came from, or to `otherwise` when the page was opened here. */
export function back(...otherwise: string[]): void {
  if (history.length > 1) history.back();
  else go(...otherwise);
}
