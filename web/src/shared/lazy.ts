/** Loads a script of ours when it is first needed: a classic script that leaves its export on `window`. */
import type { BoardEnglish } from "../lazy/boardEnglish";
import type { Charts } from "../lazy/charts";
import type { DashboardEnglish } from "../lazy/dashboardEnglish";
import type { English } from "../lazy/english";
import type { Resume } from "../lazy/resume";
import type { Scan } from "../lazy/scan";
import type { Screens } from "../lazy/screens";

export interface Lazy {
  boardEnglish: BoardEnglish;
  charts: Charts;
  dashboardEnglish: DashboardEnglish;
  english: English;
  resume: Resume;
  scan: Scan;
  screens: Screens;
}

declare const __LAZY__: Partial<Record<keyof Lazy, string>>;
const loading = new Map<keyof Lazy, Promise<void>>();

export async function loadLazy<Name extends keyof Lazy>(name: Name): Promise<Lazy[Name]> {
  const begun = loading.get(name) ?? addScript(`${document.documentElement.dataset.base ?? ""}/m/assets/${__LAZY__[name] ?? ""}`);
  loading.set(name, begun);
  try {
    await begun;
  } catch (error) {
    loading.delete(name); // a later try may find the network again
    throw error;
  }
  return (window as unknown as { anxun: Lazy }).anxun[name];
}

function addScript(src: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = src;
    script.onload = () => {
      resolve();
    };
    script.onerror = () => {
      script.remove();
      reject(new Error(`cannot load ${src}`));
    };
    document.head.appendChild(script);
  });
}

export function provideLazy<Name extends keyof Lazy>(name: Name, value: Lazy[Name]): void {
  const target = window as unknown as { anxun?: Partial<Lazy> };
  target.anxun = { ...target.anxun, [name]: value };
}
