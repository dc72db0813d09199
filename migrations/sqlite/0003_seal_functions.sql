-- That a seal use is to end at the vendor: asked by whom and why.
ALTER TABLE seal_uses ADD COLUMN end_asked_at BIGINT;
ALTER TABLE seal_uses ADD COLUMN end_reason TEXT;
ALTER TABLE seal_uses ADD COLUMN end_by TEXT;

-- When we last changed something at the vendor: a detail that was asked for before is not the truth any more.
ALTER TABLE seal_uses ADD COLUMN changed_at BIGINT;

-- Uses that were appended through us, and the time in which the seal may be used.
ALTER TABLE grants ADD COLUMN appended BIGINT NOT NULL DEFAULT 0;
ALTER TABLE grants ADD COLUMN window_start BIGINT;
ALTER TABLE grants ADD COLUMN window_end BIGINT;
CREATE INDEX grants_by_number ON grants (number);
CREATE INDEX grants_by_contact ON grants (contact);

-- Documents that are to be stamped, by the id that the vendor gave them.
CREATE TABLE sent_documents (
  seal_use_id TEXT NOT NULL REFERENCES seal_uses (id),
  document_id TEXT NOT NULL,
  vendor_id   TEXT NOT NULL,
  sent_at     BIGINT NOT NULL,
  PRIMARY KEY (seal_use_id, document_id)
);
