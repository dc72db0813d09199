import { isMe } from "@/session";
import { joined, t } from "@/words";
import type { Role } from "@/session";

/** The name of an assignee: `user:li` or `role:operator`. */
export function nameOf(who: string, people: Record<string, string>): string {
  const [kind, name = ""] = who.split(":");
  if (kind === "role") return t.value.states.role[name as Role] ?? name;
  return people[name] ?? name;
}

export function namesOf(waitsFor: string[], people: Record<string, string>): string {
  return joined(waitsFor.map((who) => nameOf(who, people)));
}

export function waitsForMe(waitsFor: string[]): boolean {
  return waitsFor.some(isMe);
}
