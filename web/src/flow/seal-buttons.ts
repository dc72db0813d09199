// The configured buttons, in their order, and only those that this person may press now.
import { CalendarClock, Check, Download, Images, KeyRound, List, Plus } from "@lucide/vue";
import { computed, ref, type Component } from "vue";
import { useRouter } from "vue-router";
import { api, read } from "@/api/client";
import { t } from "@/words";
import { show, type DialogName } from "./dialogs";
import { useFlowAct, useFlowPage, type Action } from "./flow";

/** False while the row of buttons is out of sight: they are then in the menu of the head, too. */
export const rowInSight = ref(true);

const BUTTONS: [key: DialogName, action: Action, icon: Component][] = [
  ["code", "code", KeyRound],
  ["detail", "detail", List],
  ["collect", "collect", Images],
  ["zip", "photos", Download],
  ["append", "append", Plus],
  ["finish", "finish", Check],
  ["window", "finish", CalendarClock],
];

export function useSealButtons() {
  const { flow, can } = useFlowPage();
  const router = useRouter();
  const collect = useFlowAct(
    () => flow.value.id,
    async () => {
      const { ingestId } = await read(api.POST("/api/flows/{id}/collect", { params: { path: { id: flow.value.id } } }));
      await router.push({ name: "ingest", params: { id: flow.value.id, ingestId } });
    },
  );
  const word = (key: DialogName): string =>
    key === "zip" ? t.value.flow.photos : t.value.flow[key as "code" | "window"];
  const buttons = computed(() =>
    BUTTONS.filter(([, action]) => can(action)).map(([key, , icon]) => {
      const disabled = key === "collect" && collect.busy.value;
      return { key, label: disabled ? t.value.flow.collecting : word(key), icon, disabled };
    }),
  );
  function press(key: string): void {
    if (key === "collect") void collect.run();
    else show(key as DialogName);
  }
  return { buttons, press, collect };
}
