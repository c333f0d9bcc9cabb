-- How many entries are there of one action by one user. The same as ../sqlite/0022_audit_alike.sql.

CREATE INDEX audit_alike ON audit (actor, action, id);
