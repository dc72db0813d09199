/** Returns the address to go to after the login if it is a path of ours: another site must not be reached by a link. */
export function ownPath(next: unknown): string | null {
  if (typeof next !== "string" || !/^\/(?![/\\])/.test(next)) return null;
  return next.startsWith("/login") ? null : next;
}
