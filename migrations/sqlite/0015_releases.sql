-- Releases: all scripts of an app, as a deploy left them. The same as ../postgres/0015_releases.sql.

CREATE TABLE releases (
    app_id      TEXT   NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    -- Counted from 1 within the app.
    number      BIGINT NOT NULL,
    -- JSON: all scripts of the app with their sources and what starts them, and the app's own limits.
    manifest    BLOB   NOT NULL,
    -- JSON: what it changed.
    changes     BLOB   NOT NULL,
    -- The release that it brought back.
    brings_back BIGINT,
    author      TEXT   REFERENCES users (id) ON DELETE SET NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (app_id, number)
);
CREATE INDEX releases_by_author ON releases (author);
