// One press of a button that acts: busy while it waits, no second press, the failure kept for its place on the page.
import { computed, onScopeDispose, ref, shallowRef, type ComputedRef, type Ref } from "vue";
import { Problem } from "@/api/client";
import { alarm } from "./announce";
import { sentence } from "./problems";

export interface Act<A extends unknown[]> {
  busy: Ref<boolean>;
  error: Ref<unknown>;
  /** Seconds until the service takes another try. */
  wait: ComputedRef<number>;
  run(...args: A): Promise<boolean>;
}

/** Returns an act that answers true when `work` succeeded. */
export function useAct<A extends unknown[]>(work: (...args: A) => Promise<unknown>): Act<A> {
  const busy = ref(false);
  const error = shallowRef<unknown>(null);
  const left = ref(0);
  let timer: number | undefined;
  onScopeDispose(() => clearInterval(timer));
  function countDown(seconds: number): void {
    clearInterval(timer);
    left.value = Math.ceil(seconds);
    timer = window.setInterval(() => {
      left.value -= 1;
      if (left.value <= 0) clearInterval(timer);
    }, 1000);
  }
  async function run(...args: A): Promise<boolean> {
    if (busy.value || left.value > 0) return false;
    busy.value = true;
    error.value = null;
    try {
      await work(...args);
      return true;
    } catch (failure) {
      // The dialog of the session says it, and it is over when the person has signed in.
      if (failure instanceof Problem && failure.code === "not_logged_in") return false;
      error.value = failure;
      alarm(sentence(failure));
      if (failure instanceof Problem && [429, 503].includes(failure.status)) countDown(failure.retryAfter ?? 1);
      return false;
    } finally {
      busy.value = false;
    }
  }
  return { busy, error, wait: computed(() => left.value), run };
}
