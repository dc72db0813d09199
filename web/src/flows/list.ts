import { useInfiniteQuery } from "@tanstack/vue-query";
import { computed, ref, watch, type Ref } from "vue";
import { api, read, type Schemas } from "@/api/client";
import { every } from "@/api/events";
import { keys } from "@/api/keys";
import { paramsOf, type Filters } from "./filters";

export type Head = Schemas["FlowHead"];

/** The list as it is shown: new rows wait until the person asks for them; known rows change in place. */
export function useFlowList(filters: Ref<Filters>) {
  const query = useInfiniteQuery({
    queryKey: computed(() => keys.list(paramsOf(filters.value))),
    queryFn: ({ pageParam }) => {
      const after = pageParam ? { after: pageParam } : {};
      return read(api.GET("/api/flows", { params: { query: { ...paramsOf(filters.value), ...after } } }));
    },
    initialPageParam: "",
    getNextPageParam: (last) => last.next ?? undefined,
    refetchInterval: () => every("list"),
  });

  const latest = computed(
    () => new Map((query.data.value?.pages ?? []).flatMap((page) => page.items).map((head) => [head.id, head])),
  );
  const people = computed(
    () => Object.assign({}, ...(query.data.value?.pages ?? []).map((page) => page.people)) as Record<string, string>,
  );
  const shown = ref<string[]>([]);
  // Rows that left the list stay visible until the list is shown anew, with what was known of them.
  const known = new Map<string, Head>();
  let fresh = true;
  watch(
    () => JSON.stringify(paramsOf(filters.value)),
    () => {
      fresh = true;
      shown.value = [];
    },
  );
  watch(
    [latest, query.isFetching],
    () => {
      latest.value.forEach((head, id) => known.set(id, head));
      const ids = [...latest.value.keys()];
      if (fresh || shown.value.length === 0) {
        shown.value = ids;
        // The cache shows an old list at once; the first answer may still replace it.
        if (!query.isFetching.value) fresh = false;
        return;
      }
      const last = shown.value.at(-1);
      const at = last === undefined ? -1 : ids.indexOf(last);
      // The next page follows what is shown.
      if (at >= 0) shown.value = [...shown.value, ...ids.slice(at + 1).filter((id) => !shown.value.includes(id))];
    },
    { immediate: true },
  );
  const rows = computed(() =>
    shown.value.flatMap((id) => {
      const head = latest.value.get(id) ?? known.get(id);
      return head ? [head] : [];
    }),
  );
  const waiting = computed(() => [...latest.value.keys()].filter((id) => !shown.value.includes(id)).length);
  function showAll(): void {
    shown.value = [...latest.value.keys()];
  }
  return { query, rows, people, waiting, showAll };
}
