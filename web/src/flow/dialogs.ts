import { ref } from "vue";

export type DialogName =
  | "code"
  | "detail"
  | "append"
  | "finish"
  | "window"
  | "transfer"
  | "withdraw"
  | "archive"
  | "resolve"
  | "accept"
  | "zip"
  | "evidence"
  | "activity"
  | "collect";

/** The open dialog of the flow page. */
export const openDialog = ref<DialogName | null>(null);
/** The box of the next act holds an answer or a text, so it stays although the act is over. */
export const boxHeld = ref(false);
/** The box to send a flow back is open although there is nothing to approve. */
export const sendingBack = ref(false);
/** The seal use that the dialog is about. */
export const dialogAbout = ref<string | null>(null);

export function show(name: DialogName, about: string | null = null): void {
  dialogAbout.value = about;
  openDialog.value = name;
}
