/** Which rows of a long list are drawn: those in view, and a few around them. */
export interface Slice {
  from: number;
  to: number;
}

const AROUND = 6;

export function visibleSlice(count: number, rowHeight: number, scrolled: number, height: number): Slice {
  const from = Math.max(0, Math.floor(scrolled / rowHeight) - AROUND);
  const to = Math.min(count, Math.ceil((scrolled + height) / rowHeight) + AROUND);
  return { from: Math.min(from, Math.max(0, count - 1)), to };
}

/** Where to scroll so that a row is in view; null if it is. */
export function scrollToRow(index: number, rowHeight: number, scrolled: number, height: number): number | null {
  const top = index * rowHeight;
  if (top < scrolled) return top;
  return top + rowHeight > scrolled + height ? top + rowHeight - height : null;
}
