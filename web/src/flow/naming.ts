// How people and seals are named on the pages of a flow. Pure.
import type { Grant, SealUse } from "./flow";

/** The name of the person of a grant or photo: the user's, else the one that the vendor has. */
export function personOf(
  one: { user: string | null; username: string | null },
  people: Record<string, string>,
): string | null {
  return (one.username && people[one.username]) || one.user;
}

/** The company of the seal of a grant, as the vendor's list had it when the seal was applied for. */
export function companyOf(used: Pick<SealUse, "seals">, grant: Pick<Grant, "seal" | "deviceNo">): string | null {
  const same = used.seals.filter((seal) => seal.name === grant.seal || seal.picked === grant.seal);
  const box = used.seals.find((seal) => seal.deviceNo !== null && seal.deviceNo === grant.deviceNo);
  return (box ?? (same.length === 1 ? same[0] : undefined))?.company ?? null;
}
