// What changes without an act of the person is spoken by one polite region, the last text of ten seconds.
import { ref } from "vue";

export const polite = ref("");
/** Errors of what was just pressed. */
export const assertive = ref("");
const QUIET = 10_000;
let next: string | undefined;
let timer: number | undefined;

export function announce(text: string): void {
  if (timer !== undefined) {
    next = text;
    return;
  }
  polite.value = text;
  timer = window.setTimeout(() => {
    timer = undefined;
    const waiting = next;
    next = undefined;
    if (waiting !== undefined && waiting !== polite.value) announce(waiting);
  }, QUIET);
}

export function alarm(text: string): void {
  assertive.value = "";
  requestAnimationFrame(() => (assertive.value = text));
}
