// A button that shows only an icon has its name as its tooltip, so the two are always the same text.

export interface Tip {
  host: HTMLElement;
  text: string;
}

/** The tooltip of the control at `target`. Null if the control has words of its own, or if there is no control. */
export function tipAt(target: EventTarget | null): Tip | null {
  const host = (target as Element | null)?.closest?.<HTMLElement>("button, a, [data-tip]");
  if (!host) return null;
  const icon = host.textContent?.trim() === "" ? host.getAttribute("aria-label") : null;
  const text = host.dataset.tip ?? icon;
  return text ? { host, text } : null;
}

interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}
const GAP = 6;
const EDGE = 4;

/** Where the tooltip stands: below its control, or above it where there is no room. It never leaves the window. */
export function placeOf(host: Box, tip: { width: number; height: number }, view: { width: number; height: number }) {
  const middle = host.left + host.width / 2 - tip.width / 2;
  const below = host.top + host.height + GAP;
  const fits = below + tip.height <= view.height - EDGE;
  return {
    left: Math.max(EDGE, Math.min(middle, view.width - tip.width - EDGE)),
    top: fits ? below : Math.max(EDGE, host.top - GAP - tip.height),
  };
}
