-- A flow may go back: each return begins another round.
ALTER TABLE flows ADD COLUMN round BIGINT NOT NULL DEFAULT 1;
-- A person returned it to a seal node whose use is complete: a person leaves that node too.
ALTER TABLE flows ADD COLUMN by_hand BOOLEAN NOT NULL DEFAULT FALSE;
-- A return ended this seal use; another one takes its place.
ALTER TABLE seal_uses ADD COLUMN superseded BOOLEAN NOT NULL DEFAULT FALSE;
