import { afterEach, expect, it, vi } from "vitest";
import { growTextFields } from "./grow";

let end = () => {};
afterEach(() => {
  end();
  document.body.replaceChildren();
  vi.unstubAllGlobals();
});

/** A text field whose text is as high as its lines. */
function field(text: string): HTMLTextAreaElement {
  const one = document.body.appendChild(document.createElement("textarea"));
  one.value = text;
  Object.defineProperties(one, {
    scrollHeight: { get: () => one.value.split("\n").length * 22 + 12 },
    offsetHeight: { value: 66 },
    clientHeight: { value: 64 },
  });
  return one;
}
const type = (one: HTMLTextAreaElement, text: string) => {
  one.value = text;
  one.dispatchEvent(new Event("input", { bubbles: true }));
};

it("grows with its text and shrinks with it, and a restored text grows when the field is entered", () => {
  end = growTextFields();
  const one = field("a");
  type(one, "a\nb\nc\nd");
  expect(one.style.height).toBe("102px");
  type(one, "a");
  expect(one.style.height).toBe("36px");
  const restored = field("a\nb\nc");
  restored.focus();
  expect(restored.style.height).toBe("80px");
});

it("leaves a browser alone that does it by style", () => {
  vi.stubGlobal("CSS", { supports: (name: string, value: string) => `${name}:${value}` === "field-sizing:content" });
  end = growTextFields();
  const one = field("a");
  type(one, "a\nb");
  expect(one.style.height).toBe("");
});
