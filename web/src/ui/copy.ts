import { t } from "@/words";
import { toast } from "./toast";

/** Copies a text. Without a secure context there is no clipboard object, so the text is selected and copied. */
export async function copy(text: string): Promise<void> {
  const byClipboard = navigator.clipboard?.writeText(text).then(
    () => true,
    () => bySelection(text),
  );
  const done = await (byClipboard ?? bySelection(text));
  // What was not copied stands in the message, to be selected by hand.
  toast(done ? t.value.common.copied : t.value.common.not_copied(text));
}

/** Returns false if the browser has copied nothing. */
function bySelection(text: string): boolean {
  const before = document.activeElement as HTMLElement | null;
  const field = document.createElement("textarea");
  field.value = text;
  field.setAttribute("readonly", "");
  field.className = "sr";
  // Inside an open dialog, because the focus cannot leave it.
  (before?.closest("[role=dialog]") ?? document.body).append(field);
  field.focus();
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  before?.focus();
  return done;
}
