// A download is plain navigation: the browser stores it and can go on after a break. HEAD asks before, so that a refusal
// is said on the page.
import { ask, problemOf, type Problem } from "@/api/client";

/** Returns why the service refuses the download, or null if it gives it. */
export async function refusal(path: string): Promise<Problem | null> {
  if ((await ask(path, { method: "HEAD", cache: "no-store" })).ok) return null;
  // HEAD has no body, so the problem is read by GET, which is small when it is refused.
  const answer = await ask(path, { cache: "no-store" });
  if (!answer.ok) return problemOf(answer, await answer.json().catch(() => null));
  await answer.body?.cancel();
  return null;
}

export function navigate(url: string): void {
  const link = document.createElement("a");
  link.href = url;
  link.download = "";
  document.body.append(link);
  link.click();
  link.remove();
}
