/** What the numbers mean (口径), in the words of the server. */
import type { Overview } from "./load";
import { sayMeaning } from "./numbers";

export function meaningOf({ figures }: Overview, metric: string): string {
  return sayMeaning(figures[metric]?.meaning ?? "", (name) => figures[name]?.title ?? name);
}
