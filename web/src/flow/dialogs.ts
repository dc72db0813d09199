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
  | "zip"
  | "activity"
  | "collect";

/** The open dialog of the flow page. */
export const openDialog = ref<DialogName | null>(null);
/** The seal use that the dialog is about. */
export const dialogAbout = ref<string | null>(null);

export function show(name: DialogName, about: string | null = null): void {
  dialogAbout.value = about;
  openDialog.value = name;
}
