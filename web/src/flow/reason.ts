import type { Schemas } from "@/api/client";
import { t } from "@/words";

/** Why a photo is not here, in words of the language; the vendor's own words if the code is new. */
export function reason(error: NonNullable<Schemas["PhotoView"]["error"]>): string {
  const say = t.value.ingest.codes[error.code];
  if (!say) return error.detail || error.code;
  const status = error.detail.match(/\b[45]\d\d\b/)?.[0];
  return status ? t.value.ingest.http(status) : say;
}
