// Which rows of a long list are in the page, and the empty space between them. Pure.

export interface Placed {
  index: number;
  /** In pixels from the top of the page, as `end` is. */
  start: number;
  end: number;
}
/** A row, or the space of rows that are not in the page. */
export type Slot = { index: number } | { gap: number; key: string };

/** `top` is where the list begins, `height` what all rows take. The rows need not follow each other. */
export function slotsOf(rows: Placed[], top: number, height: number): Slot[] {
  const slots: Slot[] = [];
  let end = top;
  for (const row of rows) {
    if (row.start > end) slots.push({ gap: row.start - end, key: `before-${row.index}` });
    slots.push({ index: row.index });
    end = row.end;
  }
  if (top + height > end) slots.push({ gap: top + height - end, key: "after" });
  return slots;
}

/** The rows from `first` to `last`, and the row with the focus wherever it is. */
export function withFocus(first: number, last: number, focused: number, count: number): number[] {
  const rows = Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at);
  if (focused >= 0 && focused < count && !rows.includes(focused)) rows.push(focused);
  return rows.sort((one, other) => one - other);
}
