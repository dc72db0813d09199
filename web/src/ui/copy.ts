import { t } from "@/words";
import { toast } from "./toast";

/** Copies a text. Without a secure context there is no clipboard object, so the text is selected and copied. */
export async function copy(text: string): Promise<void> {
  if (navigator.clipboard) await navigator.clipboard.writeText(text).catch(() => bySelection(text));
  else bySelection(text);
  toast(t.value.common.copied);
}

function bySelection(text: string): void {
  const before = document.activeElement as HTMLElement | null;
  const field = document.createElement("textarea");
  field.value = text;
  field.setAttribute("readonly", "");
  field.className = "sr";
  // Inside an open dialog, because the focus cannot leave it.
  (before?.closest("[role=dialog]") ?? document.body).append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
  before?.focus();
}
