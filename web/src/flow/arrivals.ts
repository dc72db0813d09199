// New photos are spoken, not only shown: how many came since the last words, and how many are still missing.
import { watch } from "vue";
import { announce } from "@/ui/announce";
import { t } from "@/words";
import type { Flow } from "./flow";

export function announceArrivals(id: () => string, flow: () => Pick<Flow, "id" | "counts"> | undefined): void {
  /** The photos that were here when the page was opened, or that were spoken of. */
  let known: number | undefined;
  function say(): string {
    const { received = 0, missing = 0 } = flow()?.counts ?? {};
    const more = received - (known ?? received);
    known = received;
    return more > 0 ? t.value.flow.announce(more, missing) : "";
  }
  watch(id, () => (known = undefined));
  watch(
    () => (flow()?.id === id() ? (flow()?.counts?.received ?? 0) : undefined),
    (received) => {
      if (received === undefined) return;
      known ??= received;
      if (received > known) announce(say);
    },
    { immediate: true },
  );
}
