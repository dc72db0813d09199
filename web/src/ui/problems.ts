import { Problem, type ProblemCode } from "@/api/client";
import { time } from "@/format/time";
import { problemWords } from "@/words";

/** The sentence for a failure, in the language of the page. */
export function sentence(error: unknown): string {
  if (!(error instanceof Problem)) return String(error);
  const say = problemWords.value[error.code as ProblemCode];
  if (!say) return error.detail;
  return say({ detail: error.detail, n: error.errors.length, wait: error.retryAfter ?? 1, time: time(error.at) });
}

/** The messages of the service by the path of the field, such as `form.seals.1.count`. */
export function byField(error: unknown): Record<string, string> {
  if (!(error instanceof Problem)) return {};
  // `form.seals[1].count` and `form.seals.1.count` are the same place.
  return Object.fromEntries(error.errors.map(({ field, message }) => [field.replace(/\[(\d+)\]/g, ".$1"), message]));
}
