-- What documents are looked for by is in their own rows, so that each way of looking reads a few rows of one index.
ALTER TABLE documents ADD COLUMN kind TEXT;
ALTER TABLE documents ADD COLUMN seal TEXT;
ALTER TABLE documents ADD COLUMN user_name TEXT;
ALTER TABLE documents ADD COLUMN received_at BIGINT NOT NULL DEFAULT 0;
-- Who sees it by where it lies: public, system, or the id of the personal folder's owner.
ALTER TABLE documents ADD COLUMN shelf TEXT NOT NULL DEFAULT '';
UPDATE documents SET
  received_at = created_at,
  shelf = (SELECT CASE WHEN f.space = 'personal' THEN f.owner ELSE f.space END FROM folders f WHERE f.id = folder_id);
UPDATE documents SET received_at = COALESCE(p.received_at, documents.created_at), kind = p.kind, seal = g.seal, user_name = g.user_name
FROM photos p LEFT JOIN grants g ON g.id = p.grant_id WHERE p.id = photo_id;

DROP INDEX documents_by_folder_and_age;
DROP INDEX photos_by_kind;
DROP INDEX grants_by_seal;
DROP INDEX grants_by_user_name;
CREATE INDEX documents_by_age ON documents (received_at, id) WHERE deleted_at IS NULL;
CREATE INDEX documents_of_folder ON documents (folder_id, received_at, id, kind) WHERE deleted_at IS NULL;
CREATE INDEX documents_of_shelf ON documents (shelf, received_at, id, kind, name, seal, user_name) WHERE deleted_at IS NULL;
CREATE INDEX documents_of_seal ON documents (seal, received_at, id, kind, user_name) WHERE deleted_at IS NULL;
CREATE INDEX documents_of_user ON documents (user_name, received_at, id, kind) WHERE deleted_at IS NULL;
CREATE INDEX documents_of_kind ON documents (kind, received_at, id) WHERE deleted_at IS NULL;

-- The words in the names of a flow's documents: a narrow row, so that looking through all of them is quick.
CREATE TABLE document_words (
  -- a flow, or a document that is of none
  owner TEXT PRIMARY KEY,
  words TEXT NOT NULL
);
INSERT INTO document_words SELECT COALESCE(flow_id, id), string_agg(lower(name COLLATE "C"), ' ') FROM documents GROUP BY 1;

-- Folders count their faces by the document's own row.
DROP TRIGGER faces_turn ON photos;
DROP FUNCTION faces_turn;
DROP TRIGGER documents_move ON documents;
CREATE OR REPLACE FUNCTION documents_come() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO folder_totals AS t (folder_id, part, documents, faces)
  SELECT folder_id, right(COALESCE(flow_id, ''), 2), COUNT(*), COUNT(CASE WHEN kind = 'face' THEN 1 END)
  FROM come WHERE deleted_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2
  ON CONFLICT (folder_id, part) DO UPDATE SET
    documents = t.documents + excluded.documents, faces = t.faces + excluded.faces;
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION documents_go() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.deleted_at IS NULL THEN
    UPDATE folder_totals SET
      documents = documents - 1, faces = faces - CASE WHEN OLD.kind = 'face' THEN 1 ELSE 0 END
    WHERE folder_id = OLD.folder_id AND part = right(COALESCE(OLD.flow_id, ''), 2);
  END IF;
  IF TG_OP = 'UPDATE' AND NEW.deleted_at IS NULL THEN
    INSERT INTO folder_totals AS t (folder_id, part, documents, faces)
    VALUES (NEW.folder_id, right(COALESCE(NEW.flow_id, ''), 2), 1, CASE WHEN NEW.kind = 'face' THEN 1 ELSE 0 END)
    ON CONFLICT (folder_id, part) DO UPDATE SET documents = t.documents + 1, faces = t.faces + excluded.faces;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER documents_move AFTER UPDATE OF folder_id, flow_id, kind, deleted_at ON documents FOR EACH ROW
WHEN ((OLD.folder_id, OLD.flow_id, OLD.kind, OLD.deleted_at) IS DISTINCT FROM (NEW.folder_id, NEW.flow_id, NEW.kind, NEW.deleted_at))
EXECUTE FUNCTION documents_go();

-- A key tells later which seal a photo is of, or that it is a face: its documents follow, whoever writes that.
CREATE FUNCTION photos_tell() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  UPDATE documents SET kind = NEW.kind,
    seal = (SELECT seal FROM grants WHERE id = NEW.grant_id), user_name = (SELECT user_name FROM grants WHERE id = NEW.grant_id)
  WHERE photo_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER photos_tell AFTER UPDATE OF kind, grant_id ON photos FOR EACH ROW
WHEN ((OLD.kind, OLD.grant_id) IS DISTINCT FROM (NEW.kind, NEW.grant_id)) EXECUTE FUNCTION photos_tell();

-- A process of an earlier version, still running, does not know these columns: it is stopped, not let write half a row.
ALTER TABLE documents ALTER COLUMN shelf DROP DEFAULT, ALTER COLUMN received_at DROP DEFAULT;

-- Who does what: that one never does the other is nothing that the columns tell alone.
CREATE STATISTICS audit_who_does_what (mcv) ON username, act FROM audit;
