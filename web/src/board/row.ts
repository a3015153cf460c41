/** What one row of a column is: its height, which the style repeats, and its selection. */
import type { Hazard } from "../api/types";
import { board } from "./state";

export const ROW_HEIGHT = 74;

export function toggleSelected(hazard: Hazard): void {
  if (!board.selected.delete(hazard.id)) board.selected.set(hazard.id, hazard);
}
