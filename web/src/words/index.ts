/** Looks up words in the language of the reader: Chinese, or English where it was switched. */
import { ref, shallowRef, watch } from "vue";
import { type Lazy, loadLazy } from "../shared/lazy";
import { type Key, zh } from "./zh";

export type { Key };
export type Language = "zh-CN" | "en";
const LANGUAGE = "anxun.language";

export const language = ref<Language>("zh-CN");
const switches: ((chosen: Language) => Promise<() => void>)[] = [];

/** Rejects if the words cannot be loaded; the language stays then. */
export async function chooseLanguage(chosen: Language): Promise<void> {
  const loaded = await Promise.all(switches.map((load) => load(chosen)));
  for (const apply of loaded) apply();
  language.value = chosen;
  localStorage.setItem(LANGUAGE, chosen);
}

/** The choice of the last time. Without a network the page stays Chinese. */
export function restoreLanguage(): void {
  if (localStorage.getItem(LANGUAGE) === "en") void chooseLanguage("en").catch(() => undefined);
}

watch(language, (chosen) => (document.documentElement.lang = chosen));

export type Look<Name extends string> = (key: Name, values?: Record<string, string | number>) => string;

/** Words of their own for a page, which loads their English when it is wanted. */
export function dictionary<Name extends string>(chinese: Record<Name, string>, english: keyof Lazy): Look<Name> {
  const words = shallowRef(chinese);
  switches.push(async (chosen) => {
    const wanted = chosen === "en" ? ((await loadLazy(english)) as unknown as Record<Name, string>) : chinese;
    return () => (words.value = wanted);
  });
  const lookUp = (key: Name): string => words.value[key];
  return (key, values = {}) => lookUp(key).replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

export const t = dictionary(zh, "english");

type Kind = "state" | "steps" | "outcome" | "role" | "severity" | "priority" | "level" | "party" | "provider";

/** The words of a code that a newer server may have and this page not know; then the code itself. */
export function tCode(kind: Kind, code: string): string {
  const key = `${kind}.${code}`;
  return key in zh ? t(key as Key) : code;
}
