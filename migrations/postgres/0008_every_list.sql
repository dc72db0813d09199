-- Lists of flows by state or definition, in each view: their rows are looked at in the index alone.
DROP INDEX flow_people_by_state;
CREATE INDEX flow_people_by_state ON flow_people (who, state, flow_id, started, acted, turn, definition_id);
DROP INDEX flow_people_by_definition;
CREATE INDEX flow_people_by_definition ON flow_people (who, definition_id, flow_id, started, acted, turn, state);

-- Who looks for a word in flows of one state or definition looks at these alone.
ALTER TABLE flow_search ADD COLUMN state TEXT NOT NULL DEFAULT 'running';
ALTER TABLE flow_search ADD COLUMN definition_id TEXT NOT NULL DEFAULT '';
UPDATE flow_search SET
  state = (SELECT state FROM flows WHERE id = flow_id),
  definition_id = (SELECT definition_id FROM flows WHERE id = flow_id);
CREATE FUNCTION flow_search_follow() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  UPDATE flow_search SET state = NEW.state WHERE flow_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER flow_search_follow AFTER UPDATE OF state ON flows
FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION flow_search_follow();

-- Who was let in by the vendor's word was not found by definition.
UPDATE flow_people SET
  state = (SELECT state FROM flows WHERE id = flow_id),
  definition_id = (SELECT definition_id FROM flows WHERE id = flow_id)
WHERE definition_id = '';

-- Whatever people do with somebody's flow, they have handled it; those who stamped, too.
CREATE INDEX users_by_number ON users (employee_no);
INSERT INTO flow_people (flow_id, who, state, definition_id, acted)
SELECT DISTINCT f.id, 'user:' || u.username, f.state, f.definition_id, TRUE
FROM flow_events e JOIN flows f ON f.id = e.flow_id JOIN users u ON u.username = e.actor
WHERE e.act IN ('appended', 'append_unclear', 'finished', 'window_changed', 'uploaded', 'file_removed', 'photo_supplied',
                'archive_asked', 'missing_accepted', 'resolved')
   OR (e.act = 'edited' AND e.actor <> f.starter)
ON CONFLICT (flow_id, who) DO UPDATE SET acted = TRUE;
INSERT INTO flow_people (flow_id, who, state, definition_id, acted)
SELECT DISTINCT f.id, 'user:' || u.username, f.state, f.definition_id, TRUE
FROM grants g JOIN seal_uses s ON s.id = g.seal_use_id JOIN flows f ON f.id = s.flow_id
JOIN users u ON u.employee_no = g.number OR u.mobile = g.contact
WHERE g.used > 0
ON CONFLICT (flow_id, who) DO UPDATE SET acted = TRUE;

-- What a grant has got, for the list of what people owe.
CREATE INDEX photos_by_grant ON photos (grant_id, kind, original_hash);

-- Photos of a seal, of a person, of a kind that is rare.
CREATE INDEX grants_by_seal ON grants (seal, user_name);
CREATE INDEX grants_by_user_name ON grants (user_name, seal);
CREATE INDEX photos_by_kind ON photos (kind);

-- How many documents a folder has, and how many of them are faces: counted as they come and go. Rows of one folder are
-- many, so that flows do not wait for each other.
CREATE TABLE folder_totals (
  folder_id TEXT NOT NULL REFERENCES folders (id),
  -- the end of the flow's id
  part      TEXT NOT NULL,
  documents BIGINT NOT NULL,
  faces     BIGINT NOT NULL,
  PRIMARY KEY (folder_id, part)
);
INSERT INTO folder_totals
SELECT d.folder_id, right(COALESCE(d.flow_id, ''), 2), COUNT(*), COUNT(CASE WHEN p.kind = 'face' THEN 1 END)
FROM documents d LEFT JOIN photos p ON p.id = d.photo_id WHERE d.deleted_at IS NULL GROUP BY 1, 2;

-- A statement at a time: a batch of photos is one flow's.
CREATE FUNCTION documents_come() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO folder_totals AS t (folder_id, part, documents, faces)
  SELECT d.folder_id, right(COALESCE(d.flow_id, ''), 2), COUNT(*), COUNT(CASE WHEN p.kind = 'face' THEN 1 END)
  FROM come d LEFT JOIN photos p ON p.id = d.photo_id WHERE d.deleted_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2
  ON CONFLICT (folder_id, part) DO UPDATE SET
    documents = t.documents + excluded.documents, faces = t.faces + excluded.faces;
  RETURN NULL;
END $$;
CREATE TRIGGER documents_come AFTER INSERT ON documents REFERENCING NEW TABLE AS come
FOR EACH STATEMENT EXECUTE FUNCTION documents_come();

CREATE FUNCTION documents_go() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.deleted_at IS NULL THEN
    UPDATE folder_totals SET
      documents = documents - 1, faces = faces - (SELECT COUNT(*) FROM photos WHERE id = OLD.photo_id AND kind = 'face')
    WHERE folder_id = OLD.folder_id AND part = right(COALESCE(OLD.flow_id, ''), 2);
  END IF;
  IF TG_OP = 'UPDATE' AND NEW.deleted_at IS NULL THEN
    INSERT INTO folder_totals AS t (folder_id, part, documents, faces)
    SELECT NEW.folder_id, right(COALESCE(NEW.flow_id, ''), 2), 1,
           (SELECT COUNT(*) FROM photos WHERE id = NEW.photo_id AND kind = 'face')
    ON CONFLICT (folder_id, part) DO UPDATE SET documents = t.documents + 1, faces = t.faces + excluded.faces;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER documents_go AFTER DELETE ON documents FOR EACH ROW EXECUTE FUNCTION documents_go();
CREATE TRIGGER documents_move AFTER UPDATE OF folder_id, flow_id, deleted_at ON documents
FOR EACH ROW EXECUTE FUNCTION documents_go();

-- A photo that came without a key may turn out to be a face.
CREATE FUNCTION faces_turn() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  UPDATE folder_totals SET faces = faces + (
    SELECT CASE WHEN NEW.kind = 'face' THEN COUNT(*) ELSE -COUNT(*) END FROM documents d
    WHERE d.photo_id = NEW.id AND d.deleted_at IS NULL
      AND d.folder_id = folder_totals.folder_id AND right(COALESCE(d.flow_id, ''), 2) = folder_totals.part)
  WHERE (folder_id, part) IN (
    SELECT d.folder_id, right(COALESCE(d.flow_id, ''), 2) FROM documents d WHERE d.photo_id = NEW.id);
  RETURN NULL;
END $$;
CREATE TRIGGER faces_turn AFTER UPDATE OF kind ON photos
FOR EACH ROW WHEN ((OLD.kind = 'face') <> (NEW.kind = 'face')) EXECUTE FUNCTION faces_turn();
