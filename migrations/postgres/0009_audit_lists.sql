-- The audit log by who, what and when at once.
DROP INDEX audit_by_username;
CREATE INDEX audit_by_username ON audit (username, seq, at);
CREATE INDEX audit_by_username_and_act ON audit (username, act, seq);
DROP INDEX audit_by_act;
CREATE INDEX audit_by_act ON audit (act, seq, at);
CREATE INDEX audit_in_order ON audit (seq, at);
