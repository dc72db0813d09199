-- A content's photos are looked for within a seal use. By the seal use first, the index grows where its newest entries
-- are; by the hash first, each photo wrote a page of its own once there were many.
DROP INDEX photos_by_original;
CREATE INDEX photos_by_original ON photos (seal_use_id, original_hash);
-- Those that are owed are few.
CREATE INDEX photos_without_content ON photos (grant_id) WHERE original_hash IS NULL;
