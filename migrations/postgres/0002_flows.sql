-- A flow may go back: each return begins another round.
ALTER TABLE flows ADD COLUMN round BIGINT NOT NULL DEFAULT 1;
-- A person returned it to a seal node whose use is complete: a person leaves that node too.
ALTER TABLE flows ADD COLUMN by_hand BOOLEAN NOT NULL DEFAULT FALSE;
-- A return ended this seal use; another one takes its place.
ALTER TABLE seal_uses ADD COLUMN superseded BOOLEAN NOT NULL DEFAULT FALSE;
-- Where a flow was sent back to, to whom a turn was handed.
ALTER TABLE flow_events ADD COLUMN target TEXT;

CREATE TABLE approvals_in_rounds (
  flow_id  TEXT NOT NULL REFERENCES flows (id),
  round    BIGINT NOT NULL,
  node     TEXT NOT NULL,
  username TEXT NOT NULL,
  at       BIGINT NOT NULL,
  comment  TEXT,
  PRIMARY KEY (flow_id, round, node, username)
);
INSERT INTO approvals_in_rounds SELECT flow_id, 1, node, username, at, comment FROM approvals;
DROP TABLE approvals;
ALTER TABLE approvals_in_rounds RENAME TO approvals;

-- Lists of flows read these rows alone, so they hold what lists are filtered by.
ALTER TABLE flow_people ADD COLUMN state TEXT NOT NULL DEFAULT 'running';
ALTER TABLE flow_people ADD COLUMN definition_id TEXT NOT NULL DEFAULT '';
ALTER TABLE flow_people ADD COLUMN started BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE flow_people ADD COLUMN acted BOOLEAN NOT NULL DEFAULT FALSE;
-- The flow waits for it now.
ALTER TABLE flow_people ADD COLUMN turn BOOLEAN NOT NULL DEFAULT FALSE;
-- Its place in the order of the node at which the flow stands.
ALTER TABLE flow_people ADD COLUMN place BIGINT;

UPDATE flow_people SET
  state = (SELECT state FROM flows WHERE id = flow_id),
  definition_id = (SELECT definition_id FROM flows WHERE id = flow_id),
  started = EXISTS (SELECT 1 FROM flows WHERE id = flow_id AND who = 'user:' || starter),
  acted = EXISTS (SELECT 1 FROM approvals a WHERE a.flow_id = flow_people.flow_id AND who = 'user:' || a.username);

-- Running flows wait for whom their node names and who has not approved it.
CREATE TEMPORARY TABLE waiting AS
  SELECT f.id AS flow_id, n.value ->> 'mode' AS mode, a.place,
         CASE a.value WHEN 'manager' THEN 'user:' || (SELECT manager FROM users WHERE username = f.starter) ELSE a.value END AS who
  FROM flows f
  JOIN definition_versions v ON v.definition_id = f.definition_id AND v.version = f.version
  CROSS JOIN LATERAL jsonb_array_elements(v.body::jsonb -> 'nodes') AS n (value)
  CROSS JOIN LATERAL jsonb_array_elements_text(n.value -> 'assignees') WITH ORDINALITY AS a (value, place)
  WHERE f.state = 'running' AND n.value ->> 'key' = f.node
    AND NOT EXISTS (SELECT 1 FROM approvals p WHERE p.flow_id = f.id AND p.node = f.node AND a.value = 'user:' || p.username);
UPDATE flow_people SET
  place = (SELECT MIN(place) FROM waiting w WHERE w.flow_id = flow_people.flow_id AND w.who = flow_people.who),
  turn = EXISTS (SELECT 1 FROM waiting w WHERE w.flow_id = flow_people.flow_id AND w.who = flow_people.who
                 AND (w.mode IS DISTINCT FROM 'sequence' OR w.place = (SELECT MIN(place) FROM waiting f WHERE f.flow_id = w.flow_id)));
DROP TABLE waiting;

CREATE INDEX flow_people_by_state ON flow_people (who, state, flow_id);
CREATE INDEX flow_people_by_definition ON flow_people (who, definition_id, flow_id);
CREATE INDEX flow_people_turns ON flow_people (who, flow_id) WHERE turn;
CREATE INDEX flow_people_acted ON flow_people (who, flow_id) WHERE acted;
CREATE INDEX flow_people_started ON flow_people (who, flow_id) WHERE started;
CREATE INDEX flows_by_definition_and_state ON flows (definition_id, state, id);

-- Whoever changes a flow's state, the rows of its people follow; a flow that is over waits for nobody.
CREATE FUNCTION flow_people_follow() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  UPDATE flow_people SET
    state = NEW.state,
    turn = CASE WHEN NEW.state IN ('archived', 'withdrawn') THEN FALSE ELSE turn END,
    place = CASE WHEN NEW.state IN ('archived', 'withdrawn') THEN NULL ELSE place END
  WHERE flow_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER flow_people_follow AFTER UPDATE OF state ON flows
FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION flow_people_follow();

-- What a flow is found by: narrow rows in the order of lists.
CREATE TABLE flow_search (
  flow_id TEXT PRIMARY KEY REFERENCES flows (id),
  text    TEXT NOT NULL
);
INSERT INTO flow_search SELECT id, lower(serial_no || ' ' || title) FROM flows;
