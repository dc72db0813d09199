// A text field is as high as its text. Most browsers do it by style (`field-sizing`); this is for the others.

function grow({ target }: Event): void {
  if (!(target instanceof HTMLTextAreaElement)) return;
  target.style.height = "auto";
  const borders = target.offsetHeight - target.clientHeight;
  target.style.height = `${target.scrollHeight + borders}px`;
}

/** Returns what ends it. */
export function growTextFields(): () => void {
  if (globalThis.CSS?.supports?.("field-sizing", "content")) return () => undefined;
  // A text that was restored grows when the person comes to it.
  document.addEventListener("input", grow);
  document.addEventListener("focusin", grow);
  return () => {
    document.removeEventListener("input", grow);
    document.removeEventListener("focusin", grow);
  };
}
