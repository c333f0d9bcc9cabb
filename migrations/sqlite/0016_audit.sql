-- Who changed what, and from where. The same as ../postgres/0016_audit.sql.

-- Nothing here refers to another table: what was done stays when whoever did it, or what it was done to, is deleted.
CREATE TABLE audit (
    -- Sorts by time.
    id       TEXT   NOT NULL PRIMARY KEY,
    at       BIGINT NOT NULL,
    -- NULL: nobody who had signed in.
    actor_id TEXT,
    actor    TEXT,
    token_id TEXT,
    -- NULL: at the server's own machine.
    address  TEXT,
    -- Named as the API's operation.
    action   TEXT   NOT NULL,
    app_id   TEXT,
    app      TEXT,
    -- A name, which was checked; NULL: the app or the server itself.
    target   TEXT,
    -- A JSON object, without secrets.
    detail   TEXT   NOT NULL
);
CREATE INDEX audit_by_app ON audit (app_id, id);
CREATE INDEX audit_by_actor ON audit (actor, id);
CREATE INDEX audit_by_action ON audit (action, id);
