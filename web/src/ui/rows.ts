// Rows of a long list: from 100 rows on, only those near what is seen are in the page, and the one with the focus.
import { useVirtualizer } from "@tanstack/vue-virtual";
import { computed, onBeforeUnmount, onMounted, ref, watch, type Ref } from "vue";
import { slotsOf, withFocus, type Slot } from "./slots";

export const MANY = 100;

/**
 * `root` holds the rows, each with its number in `data-index`. `size` is the height of a row before it was measured.
 */
export function useRows(root: Ref<HTMLElement | null>, count: () => number, size: number) {
  const main = () => document.getElementById("main");
  const top = ref(0);
  const focused = ref(-1);
  const many = computed(() => count() > MANY);
  const virtual = useVirtualizer(
    computed(() => ({
      count: count(),
      getScrollElement: main,
      estimateSize: () => size,
      overscan: 12,
      scrollMargin: top.value,
      enabled: many.value,
      rangeExtractor: (range: { startIndex: number; endIndex: number; overscan: number; count: number }) =>
        withFocus(
          Math.max(0, range.startIndex - range.overscan),
          Math.min(range.count - 1, range.endIndex + range.overscan),
          focused.value,
          range.count,
        ),
    })),
  );
  const slots = computed<Slot[]>(() =>
    many.value
      ? slotsOf(
          // The list may have become shorter since the rows were placed.
          virtual.value.getVirtualItems().filter(({ index }) => index < count()),
          top.value,
          virtual.value.getTotalSize(),
        )
      : Array.from({ length: count() }, (_, index) => ({ index })),
  );

  /** What stands above the list can grow, so its place is read again. */
  function place(): void {
    const box = main();
    if (!root.value || !box) return;
    const now = root.value.getBoundingClientRect().top - box.getBoundingClientRect().top + box.scrollTop;
    if (Math.abs(now - top.value) > 1) top.value = now;
  }
  function take(event: FocusEvent): void {
    const row = (event.target as HTMLElement).closest<HTMLElement>("[data-index]");
    focused.value = row ? Number(row.dataset.index) : -1;
  }
  const leave = () => (focused.value = -1);
  const observer = new ResizeObserver(place);
  watch(
    root,
    (now, before) => {
      before?.removeEventListener("focusin", take);
      before?.removeEventListener("focusout", leave);
      now?.addEventListener("focusin", take);
      now?.addEventListener("focusout", leave);
      place();
    },
    { flush: "post" },
  );
  onMounted(() => {
    for (const child of main()?.children ?? []) observer.observe(child);
    place();
  });
  onBeforeUnmount(() => observer.disconnect());
  /** For `:ref` of a row: its height is measured. */
  const measure = (row: unknown) => {
    if (many.value) virtual.value.measureElement(row as Element | null);
  };
  return { slots, measure };
}
