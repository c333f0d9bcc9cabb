-- PiCloud's first tables. The same columns as ../sqlite/0001_initial.sql; keep the two in step.
--
-- Times are milliseconds since 1970, ids are UUIDv7 as text, which sort by age. What a script or a client chose freely
-- is bytea, since PostgreSQL's text refuses NUL; names are text, checked before they get here, and compared by their
-- bytes, as in SQLite.

CREATE TABLE users (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    username      TEXT COLLATE "C" NOT NULL UNIQUE,
    password_hash TEXT COLLATE "C" NOT NULL,
    admin         BOOLEAN          NOT NULL,
    -- TRUE in one row at most and NULL in the others, so that only one process can make the first user.
    founder       BOOLEAN          UNIQUE CHECK (founder),
    created_at    BIGINT           NOT NULL
);

-- Bearer tokens, known only by their SHA-256.
CREATE TABLE tokens (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    user_id    TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    sha256     BYTEA            NOT NULL UNIQUE,
    created_at BIGINT           NOT NULL,
    expires_at BIGINT           NOT NULL
);
CREATE INDEX tokens_by_user ON tokens (user_id);

CREATE TABLE apps (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    slug       TEXT COLLATE "C" NOT NULL UNIQUE,
    name       BYTEA            NOT NULL,
    debug      BOOLEAN          NOT NULL,
    -- Counts the changes of the app, its scripts and its routes. Whoever makes one holds this row's lock.
    revision   BIGINT           NOT NULL,
    created_at BIGINT           NOT NULL
);

CREATE TABLE memberships (
    app_id  TEXT COLLATE "C" NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role    TEXT COLLATE "C" NOT NULL CHECK (role IN ('viewer', 'editor', 'owner')),
    PRIMARY KEY (app_id, user_id)
);
CREATE INDEX memberships_by_user ON memberships (user_id);

CREATE TABLE scripts (
    id              TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    app_id          TEXT COLLATE "C" NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    name            TEXT COLLATE "C" NOT NULL,
    -- The number of the version that answers.
    active          BIGINT           NOT NULL,
    invocations     BIGINT           NOT NULL DEFAULT 0,
    failures        BIGINT           NOT NULL DEFAULT 0,
    fuel            BIGINT           NOT NULL DEFAULT 0,
    duration_us     BIGINT           NOT NULL DEFAULT 0,
    dropped_records BIGINT           NOT NULL DEFAULT 0,
    dropped_logs    BIGINT           NOT NULL DEFAULT 0,
    UNIQUE (app_id, name)
);

-- Immutable.
CREATE TABLE versions (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    script_id  TEXT COLLATE "C" NOT NULL REFERENCES scripts (id) ON DELETE CASCADE,
    number     BIGINT           NOT NULL,
    source     BYTEA            NOT NULL,
    sha256     BYTEA            NOT NULL,
    -- A JSON array of its routes, which a rollback puts back.
    routes     TEXT COLLATE "C" NOT NULL,
    author     TEXT COLLATE "C" REFERENCES users (id) ON DELETE SET NULL,
    created_at BIGINT           NOT NULL,
    UNIQUE (script_id, number)
);
CREATE INDEX versions_by_author ON versions (author);

-- The routes of the active versions. Two of one method and shape would match the same requests.
CREATE TABLE routes (
    app_id    TEXT COLLATE "C" NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    script_id TEXT COLLATE "C" NOT NULL REFERENCES scripts (id) ON DELETE CASCADE,
    method    TEXT COLLATE "C" NOT NULL,
    shape     TEXT COLLATE "C" NOT NULL,
    route     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (app_id, method, shape)
);
CREATE INDEX routes_by_script ON routes (script_id);

CREATE TABLE kv (
    app_id     TEXT COLLATE "C" NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    key        BYTEA            NOT NULL,
    json       BOOLEAN          NOT NULL,
    data       BYTEA            NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (app_id, key)
);

-- app_id repeats the script's, for the indexes; the script's deletion is what deletes a row.
CREATE TABLE invocations (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    app_id        TEXT COLLATE "C" NOT NULL,
    script_id     TEXT COLLATE "C" NOT NULL REFERENCES scripts (id) ON DELETE CASCADE,
    version       BIGINT           NOT NULL,
    trigger_kind  TEXT COLLATE "C" NOT NULL,
    request       BYTEA,
    status        BIGINT           NOT NULL,
    outcome       TEXT COLLATE "C" NOT NULL,
    fuel          BIGINT           NOT NULL,
    fuel_limit    BIGINT           NOT NULL,
    memory_bytes  BIGINT           NOT NULL,
    duration_us   BIGINT           NOT NULL,
    started_at    BIGINT           NOT NULL,
    node          TEXT COLLATE "C" NOT NULL,
    error_message BYTEA,
    error_line    BIGINT,
    error_column  BIGINT,
    -- A JSON array.
    calls         TEXT COLLATE "C" NOT NULL,
    log_lines     BIGINT           NOT NULL,
    logs_dropped  BIGINT           NOT NULL
);
CREATE INDEX invocations_by_app ON invocations (app_id, id);
CREATE INDEX invocations_by_script ON invocations (script_id, id);
-- For reading logs, where most invocations write none.
CREATE INDEX invocations_with_logs_by_app ON invocations (app_id, id) WHERE log_lines > 0;
CREATE INDEX invocations_with_logs_by_script ON invocations (script_id, id) WHERE log_lines > 0;

CREATE TABLE logs (
    invocation_id TEXT COLLATE "C" NOT NULL REFERENCES invocations (id) ON DELETE CASCADE,
    line          BIGINT           NOT NULL,
    at            BIGINT           NOT NULL,
    level         TEXT COLLATE "C" NOT NULL,
    message       BYTEA            NOT NULL,
    PRIMARY KEY (invocation_id, line)
);
