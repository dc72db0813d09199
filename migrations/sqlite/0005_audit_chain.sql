-- The audit log: append-only, each row chained to the one before it by its hash (src/audit/chain.rs). Rows written
-- before there was a chain are kept as they are.
ALTER TABLE audit RENAME TO audit_before_chain;

CREATE TABLE audit (
  -- without gaps, from 1
  seq      BIGINT PRIMARY KEY NOT NULL,
  at       BIGINT NOT NULL,
  username TEXT NOT NULL,
  act      TEXT NOT NULL,
  subject  TEXT NOT NULL,
  flow_id  TEXT,
  detail   TEXT,
  prev     TEXT NOT NULL,
  hash     TEXT NOT NULL
);
CREATE INDEX audit_by_username ON audit (username, seq);
CREATE INDEX audit_by_act ON audit (act, seq);
CREATE INDEX audit_by_subject ON audit (subject, seq);
CREATE INDEX audit_by_flow ON audit (flow_id, seq);
CREATE INDEX audit_by_at ON audit (at);

-- The end of the chain. Writers lock this one row, so they take turns.
CREATE TABLE audit_head (
  id   BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
  seq  BIGINT NOT NULL,
  hash TEXT NOT NULL
);
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

CREATE TRIGGER audit_never_changed BEFORE UPDATE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_never_deleted BEFORE DELETE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- INSERT OR REPLACE deletes without asking the trigger above.
CREATE TRIGGER audit_never_replaced BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)
BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_head_never_back BEFORE UPDATE ON audit_head WHEN NEW.seq < OLD.seq OR NEW.id <> OLD.id
BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_head_never_deleted BEFORE DELETE ON audit_head
BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_head_never_replaced BEFORE INSERT ON audit_head
BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;
