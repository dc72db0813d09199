// The open dialogs, the topmost last: the browser's back button closes it instead of leaving the page.
type Close = () => void;
const layers: Close[] = [];

/** Puts a dialog on top. Returns what takes it away. */
export function addLayer(close: Close): () => void {
  layers.push(close);
  return () => {
    const at = layers.lastIndexOf(close);
    if (at >= 0) layers.splice(at, 1);
  };
}

/** Closes the topmost dialog. Returns false if none is open. */
export function closeTopmost(): boolean {
  const close = layers.at(-1);
  close?.();
  return close !== undefined;
}
