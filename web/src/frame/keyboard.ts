// Single letters act only when no field has the focus, and can be turned off.
import { onScopeDispose } from "vue";
import { settings } from "@/settings";

type Handlers = Record<string, (event: KeyboardEvent) => void>;

function typing(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null;
  return !!element?.closest("input, textarea, select, [contenteditable]");
}

/** Handles keys such as `c`, `/` and `g f`. */
export function useKeys(handlers: Handlers): void {
  let prefix = "";
  let timer: number | undefined;
  function press(event: KeyboardEvent): void {
    if (!settings.letters || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing(event.target) || document.querySelector("[role=dialog], [role=menu]")) return;
    const name = prefix ? `${prefix} ${event.key}` : event.key;
    prefix = "";
    const handler = handlers[name];
    if (handler) {
      event.preventDefault();
      handler(event);
    } else if (Object.keys(handlers).some((key) => key.startsWith(`${event.key} `))) {
      prefix = event.key;
      clearTimeout(timer);
      timer = window.setTimeout(() => (prefix = ""), 1500);
    }
  }
  addEventListener("keydown", press);
  onScopeDispose(() => removeEventListener("keydown", press));
}

/** Ctrl or ⌘ with Enter submits the form that has the focus. */
addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  const form = (event.target as HTMLElement | null)?.closest("form");
  if (!form) return;
  event.preventDefault();
  form.requestSubmit();
});
