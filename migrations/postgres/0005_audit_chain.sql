-- The audit log: append-only, each row chained to the one before it by its hash (src/audit/chain.rs). Rows written
-- before there was a chain are kept as they are.
ALTER TABLE audit RENAME TO audit_before_chain;
ALTER INDEX audit_pkey RENAME TO audit_before_chain_pkey;

CREATE TABLE audit (
  -- without gaps, from 1
  seq      BIGINT PRIMARY KEY,
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
  id   BIGINT PRIMARY KEY CHECK (id = 1),
  seq  BIGINT NOT NULL,
  hash TEXT NOT NULL
);
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only';
END
$$;
CREATE TRIGGER audit_never_changed BEFORE UPDATE OR DELETE ON audit
  FOR EACH ROW EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_never_emptied BEFORE TRUNCATE ON audit
  FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_head_never_back BEFORE UPDATE ON audit_head
  FOR EACH ROW WHEN (NEW.seq < OLD.seq OR NEW.id <> OLD.id) EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_head_never_deleted BEFORE DELETE ON audit_head
  FOR EACH ROW EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_head_never_emptied BEFORE TRUNCATE ON audit_head
  FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();
