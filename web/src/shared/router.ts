/** Addresses after `#`, so that every state has a link and the back button works, and the server sees none of it. */
import { computed, ref } from "vue";

const hash = ref(location.hash);
window.addEventListener("hashchange", () => (hash.value = location.hash));

/** `#/hazards/0190…/steps/start?q=…` is ["hazards", "0190…", "steps", "start"]. */
export const route = computed(() => path(hash.value).split("/").filter(Boolean).map(decodePart));

/** What follows `?`, such as the filters of a list. */
export const query = computed(() => new URLSearchParams(hash.value.split("?").slice(1).join("?")));

function path(address: string): string {
  return (address.split("?")[0] ?? "").replace(/^#\/?/, "");
}

/** A part that somebody has cut off or typed wrong stays as it is. */
function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function go(...parts: string[]): void {
  location.hash = link(...parts);
}

export function link(...parts: string[]): string {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

/** Back to where one came from, or to `otherwise` when the page was opened here. */
export function back(...otherwise: string[]): void {
  if (history.length > 1) history.back();
  else go(...otherwise);
}
