// What the pickers of seals offer. Made once for a list, because each row of a form has its picker. Pure.
import type { Schemas } from "@/api/client";
import type { Option } from "./PickList.vue";

type Seal = Pick<Schemas["SealView"], "name" | "deviceNo" | "location" | "owner">;
export interface SealChoices {
  options: Option[];
  /** The label of each value, and of each box number. */
  names: Record<string, string>;
  /** The boxes of each name that several have: the name alone does not say which one is meant. */
  boxes: Map<string, Option[]>;
}

const made = new WeakMap<readonly Seal[], SealChoices>();

export function sealChoices(seals: readonly Seal[]): SealChoices {
  const known = made.get(seals) ?? choicesOf(seals);
  made.set(seals, known);
  return known;
}

function choicesOf(seals: readonly Seal[]): SealChoices {
  const times = new Map<string, number>();
  for (const { name } of seals) times.set(name, (times.get(name) ?? 0) + 1);
  const options: Option[] = [];
  const names: Record<string, string> = {};
  const boxes = new Map<string, Option[]>();
  for (const { name, deviceNo, location, owner } of seals) {
    // A name that occurs once stands for its seal; among several of one name the box number tells which.
    const isOne = times.get(name) === 1;
    const value = isOne ? name : (deviceNo ?? name);
    const option = { value, label: name, note: [deviceNo, location, owner].filter(Boolean).join(" · ") };
    options.push(option);
    names[value] = name;
    if (deviceNo) names[deviceNo] = name;
    if (!isOne && deviceNo) boxes.set(name, [...(boxes.get(name) ?? []), option]);
  }
  return { options, names, boxes };
}
