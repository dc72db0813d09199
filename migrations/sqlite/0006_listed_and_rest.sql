-- Whether a detail of the vendor has ever listed this key. A key that only a push has named may be an invention.
ALTER TABLE photos ADD COLUMN listed BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE photos SET listed = TRUE WHERE source = 'key';
-- Until when a further callback does not run the job again.
ALTER TABLE jobs ADD COLUMN rest_until BIGINT NOT NULL DEFAULT 0;
