-- Who changed what, and from where. The same as ../sqlite/0016_audit.sql.

-- Nothing here refers to another table: what was done stays when whoever did it, or what it was done to, is deleted.
CREATE TABLE audit (
    -- Sorts by time.
    id       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at       BIGINT           NOT NULL,
    -- NULL: nobody who had signed in.
    actor_id TEXT COLLATE "C",
    actor    TEXT COLLATE "C",
    token_id TEXT COLLATE "C",
    -- NULL: at the server's own machine.
    address  TEXT COLLATE "C",
    -- Named as the API's operation.
    action   TEXT COLLATE "C" NOT NULL,
    app_id   TEXT COLLATE "C",
    app      TEXT COLLATE "C",
    -- A name, which was checked; NULL: the app or the server itself.
    target   TEXT COLLATE "C",
    -- A JSON object, without secrets.
    detail   TEXT COLLATE "C" NOT NULL
);
CREATE INDEX audit_by_app ON audit (app_id, id);
CREATE INDEX audit_by_actor ON audit (actor, id);
CREATE INDEX audit_by_action ON audit (action, id);
