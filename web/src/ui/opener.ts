// Where the focus goes when the last dialog closes: to what opened the first one.
let outside: HTMLElement | null = null;

/** Returns what opens a dialog now. An item of a menu goes away with its menu, so the button of the menu stands for it. */
export function opener(): HTMLElement | null {
  const active = document.activeElement as HTMLElement | null;
  const menu = active?.closest("[role=menu]");
  if (menu) outside = document.getElementById(menu.getAttribute("aria-labelledby") ?? "");
  // A dialog that another one opened leads back to the page, because the first one is closed.
  else if (!active?.closest("[role=dialog]")) outside = active;
  return outside;
}

/** Gives the focus back, unless another dialog has opened meanwhile. What opened it may be gone: then the page gets it. */
export function giveBack(to: HTMLElement | null): void {
  if (document.querySelector("[role=dialog][data-state=open]")) return;
  const usable = to?.isConnected && to !== document.body;
  (usable ? to : document.getElementById("main"))?.focus({ preventScroll: true });
}
