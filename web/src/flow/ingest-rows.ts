import { t } from "@/words";
import type { Grant, Photo } from "./flow";

/** One photo of an ingest. */
export interface Row {
  /** The number within its grant. */
  no: number;
  grant: Grant | undefined;
  photo: Photo;
}

export const nameOf = (row: Row) =>
  row.grant ? t.value.flow.nth_of(row.grant.seal, row.no) : t.value.flow.nth(row.no);
export const keyOf = (row: Row) => row.photo.id;
