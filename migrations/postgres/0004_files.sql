-- Trash: a document that was taken out of its field. Bytes are never deleted with it.
ALTER TABLE documents ADD COLUMN deleted_at BIGINT;
ALTER TABLE documents ADD COLUMN deleted_by TEXT;

-- Photos that somebody accepted as missing when archiving: {by, at, reason, missing} as JSON.
ALTER TABLE flows ADD COLUMN missing_accepted TEXT;

-- What is sent to the vendor: stamped files, and photos that people supply by hand.
CREATE TABLE dispatches (
  id            TEXT PRIMARY KEY,
  seal_use_id   TEXT NOT NULL REFERENCES seal_uses (id),
  -- file, images (stamped pages), photo
  kind          TEXT NOT NULL,
  -- the stamped file, or a supplied photo's document once it is linked
  document_id   TEXT UNIQUE REFERENCES documents (id),
  -- a supplied photo: of which grant, what it shows, and when the ingest took it in
  grant_id      TEXT REFERENCES grants (id),
  photo_kind    TEXT,
  linked_at     BIGINT,
  original_hash TEXT NOT NULL REFERENCES originals (hash),
  name          TEXT NOT NULL,
  state         TEXT NOT NULL,
  error         TEXT,
  created_by    TEXT NOT NULL,
  created_at    BIGINT NOT NULL,
  updated_at    BIGINT NOT NULL
);
CREATE INDEX dispatches_by_seal_use ON dispatches (seal_use_id, state);
CREATE UNIQUE INDEX dispatches_by_supply ON dispatches (grant_id, original_hash);
