import type { ProblemCode } from "@/api/client";

export interface ProblemFacts {
  detail: string;
  /** How many fields are marked. */
  n: number;
  /** Seconds to wait. */
  wait: number;
  time: string;
}
/** Every code of the service has a sentence: a missing or an extra one is a compile error. */
export type ProblemWords = Record<ProblemCode, (facts: ProblemFacts) => string>;
