/** Looks up words in the language of the reader: Chinese, or English where it was switched. */
import { ref, shallowRef, watch } from "vue";
import { loadLazy } from "../shared/lazy";
import { type Key, zh } from "./zh";

export type { Key };
export type Language = "zh-CN" | "en";
const LANGUAGE = "anxun.language";

export const language = ref<Language>("zh-CN");
const words = shallowRef<Record<Key, string>>(zh);

/** Rejects if the words cannot be loaded; the language stays then. */
export async function chooseLanguage(chosen: Language): Promise<void> {
  words.value = chosen === "en" ? await loadLazy("english") : zh;
  language.value = chosen;
  localStorage.setItem(LANGUAGE, chosen);
}

/** The choice of the last time. Without a network the page stays Chinese. */
export function restoreLanguage(): void {
  if (localStorage.getItem(LANGUAGE) === "en") void chooseLanguage("en").catch(() => undefined);
}

watch(language, (chosen) => (document.documentElement.lang = chosen));

export function t(key: Key, values: Record<string, string | number> = {}): string {
  return words.value[key].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

type Kind = "state" | "steps" | "outcome" | "role" | "severity" | "priority" | "level";

/** The words of a code that a newer server may have and this page not know; then the code itself. */
export function tCode(kind: Kind, code: string): string {
  const key = `${kind}.${code}`;
  return key in zh ? t(key as Key) : code;
}
