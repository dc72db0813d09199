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

type Named = Pick<Grant, "id" | "seal" | "deviceNo"> & { user: string | null; username: string | null };
/** The names of grants by their id: a seal that occurs twice is named with its person, and with its box if need be. */
export function grantNames(grants: Named[], people: Record<string, string>): Map<string, string> {
  const parts = (one: Named) => [one.seal, personOf(one, people), one.deviceNo].filter(Boolean);
  const nameOf = (one: Named): string => {
    const words = [1, 2].map((length) => parts(one).slice(0, length).join(" · "));
    const isOnly = (word: string, at: number) =>
      grants.every(
        (other) =>
          other.id === one.id ||
          parts(other)
            .slice(0, at + 1)
            .join(" · ") !== word,
      );
    return words.find(isOnly) ?? parts(one).join(" · ");
  };
  return new Map(grants.map((one) => [one.id, nameOf(one)]));
}
