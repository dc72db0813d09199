import { computed } from "vue";
import { hasEnded, liveUses, useFlowPage } from "../flow";

/** The grants that an act on boxes can concern, one per box. */
export function useBoxes(openOnly: boolean) {
  const { flow } = useFlowPage();
  const grants = computed(() =>
    liveUses(flow.value)
      .filter((used) => !openOnly || !hasEnded(used))
      .flatMap((used) => used.grants)
      .filter((grant) => !openOnly || !grant.complete),
  );
  const boxes = computed(() => {
    const seen = new Map<string, string>();
    for (const grant of grants.value) if (grant.deviceNo) seen.set(grant.deviceNo, grant.seal);
    return [...seen].map(([deviceNo, seal]) => ({ deviceNo, seal }));
  });
  return { flow, grants, boxes };
}
