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
) WITHOUT ROWID;
INSERT INTO document_words SELECT COALESCE(flow_id, id), group_concat(lower(name), ' ') FROM documents GROUP BY 1;

-- Folders count their faces by the document's own row.
DROP TRIGGER documents_come;
DROP TRIGGER documents_go;
DROP TRIGGER documents_move;
DROP TRIGGER faces_turn;
CREATE TRIGGER documents_come AFTER INSERT ON documents WHEN NEW.deleted_at IS NULL
BEGIN
  INSERT INTO folder_totals (folder_id, part, documents, faces)
  VALUES (NEW.folder_id, substr(COALESCE(NEW.flow_id, ''), -2), 1, NEW.kind IS 'face')
  ON CONFLICT (folder_id, part) DO UPDATE SET documents = documents + 1, faces = faces + excluded.faces;
END;
CREATE TRIGGER documents_go AFTER DELETE ON documents WHEN OLD.deleted_at IS NULL
BEGIN
  UPDATE folder_totals SET documents = documents - 1, faces = faces - (OLD.kind IS 'face')
  WHERE folder_id = OLD.folder_id AND part = substr(COALESCE(OLD.flow_id, ''), -2);
END;
CREATE TRIGGER documents_move AFTER UPDATE OF folder_id, flow_id, kind, deleted_at ON documents
WHEN OLD.folder_id <> NEW.folder_id OR OLD.flow_id IS NOT NEW.flow_id OR OLD.kind IS NOT NEW.kind OR OLD.deleted_at IS NOT NEW.deleted_at
BEGIN
  UPDATE folder_totals SET documents = documents - 1, faces = faces - (OLD.kind IS 'face')
  WHERE folder_id = OLD.folder_id AND part = substr(COALESCE(OLD.flow_id, ''), -2) AND OLD.deleted_at IS NULL;
  INSERT INTO folder_totals (folder_id, part, documents, faces)
  SELECT NEW.folder_id, substr(COALESCE(NEW.flow_id, ''), -2), 1, NEW.kind IS 'face'
  WHERE NEW.deleted_at IS NULL
  ON CONFLICT (folder_id, part) DO UPDATE SET documents = documents + 1, faces = faces + excluded.faces;
END;

-- A key tells later which seal a photo is of, or that it is a face: its documents follow, whoever writes that.
CREATE TRIGGER photos_tell AFTER UPDATE OF kind, grant_id ON photos
WHEN OLD.kind <> NEW.kind OR OLD.grant_id IS NOT NEW.grant_id
BEGIN
  UPDATE documents SET kind = NEW.kind,
    seal = (SELECT seal FROM grants WHERE id = NEW.grant_id), user_name = (SELECT user_name FROM grants WHERE id = NEW.grant_id)
  WHERE photo_id = NEW.id;
END;

-- A process of an earlier version, still running, does not know these columns: it is stopped, not let write half a row.
CREATE TRIGGER documents_complete BEFORE INSERT ON documents WHEN NEW.shelf = ''
BEGIN
  SELECT RAISE(ABORT, 'documents.shelf is missing');
END;
