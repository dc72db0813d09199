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

export function toast(text: string, undo?: Toast["undo"]): void {
  const id = ++last;
  toasts.push({ id, text, undo });
  resume(id);
}

export function dismiss(id: number): void {
  const at = toasts.findIndex((one) => one.id === id);
  if (at >= 0) toasts.splice(at, 1);
}

export function hold(id: number): void {
  clearTimeout(timers.get(id));
}

export function resume(id: number): void {
  timers.set(
    id,
    window.setTimeout(() => dismiss(id), SHOWN),
  );
}
