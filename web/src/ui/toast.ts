// Short confirmations. A failure is never a toast alone.
import { reactive } from "vue";

export interface Toast {
  id: number;
  text: string;
  undo?: { label: string; run: () => void };
}
const SHOWN = 6000;
let last = 0;
export const toasts = reactive<Toast[]>([]);
const timers = new Map<number, number>();
/** A pointer on a message or the focus in it keeps it. */
export type Holder = "pointer" | "focus";
const held = new Map<number, Set<Holder>>();

export function toast(text: string, undo?: Toast["undo"]): void {
  const id = ++last;
  toasts.push({ id, text, undo });
  start(id);
}

export function dismiss(id: number): void {
  const at = toasts.findIndex((one) => one.id === id);
  if (at >= 0) toasts.splice(at, 1);
  clearTimeout(timers.get(id));
  timers.delete(id);
  held.delete(id);
}

function start(id: number): void {
  clearTimeout(timers.get(id));
  timers.set(
    id,
    window.setTimeout(() => dismiss(id), SHOWN),
  );
}

export function hold(id: number, by: Holder): void {
  clearTimeout(timers.get(id));
  held.set(id, (held.get(id) ?? new Set()).add(by));
}

export function resume(id: number, by: Holder): void {
  const holders = held.get(id);
  holders?.delete(by);
  if (!holders?.size && toasts.some((one) => one.id === id)) start(id);
}
