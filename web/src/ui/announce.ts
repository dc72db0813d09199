// What changes without an act of the person is spoken by one polite region, the last text of ten seconds.
import { ref } from "vue";

export const polite = ref("");
/** Errors of what was just pressed. */
export const assertive = ref("");
const QUIET = 10_000;
/** Makes the text when it is spoken, so it holds for all that happened meanwhile. An empty text is not spoken. */
type Say = () => string;
let next: Say | undefined;
let timer: number | undefined;

export function announce(say: Say): void {
  if (timer !== undefined) {
    next = say;
    return;
  }
  const text = say();
  if (!text) return;
  // Equal words are spoken again, because they say that it happened again.
  polite.value = text === polite.value ? `${text}\u00a0` : text;
  timer = window.setTimeout(() => {
    timer = undefined;
    const waiting = next;
    next = undefined;
    if (waiting) announce(waiting);
  }, QUIET);
}

export function alarm(text: string): void {
  assertive.value = "";
  requestAnimationFrame(() => (assertive.value = text));
}
