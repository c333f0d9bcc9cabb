-- Several users: what they may do, what their tokens are for, and invitations. The same as ../sqlite/0013_identity.sql.

-- Whether the user may make apps; administrators may without.
ALTER TABLE users ADD COLUMN create_apps BOOLEAN NOT NULL DEFAULT FALSE;
-- A disabled user has no tokens and gets none.
ALTER TABLE users ADD COLUMN disabled BOOLEAN NOT NULL DEFAULT FALSE;

-- What signing in makes is a session and has no name; an API token has one.
ALTER TABLE tokens ADD COLUMN name BYTEA;
-- The most that it may do in any app; NULL: what its user may.
ALTER TABLE tokens ADD COLUMN role TEXT COLLATE "C" CHECK (role IN ('viewer', 'editor', 'owner'));
-- Whether it is for the apps in token_apps alone.
ALTER TABLE tokens ADD COLUMN some_apps BOOLEAN NOT NULL DEFAULT FALSE;
-- Within the hour; NULL: never.
ALTER TABLE tokens ADD COLUMN last_used_at BIGINT;

CREATE TABLE token_apps (
    token_id TEXT COLLATE "C" NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,
    app_id   TEXT COLLATE "C" NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    PRIMARY KEY (token_id, app_id)
);
CREATE INDEX token_apps_by_app ON token_apps (app_id);

-- One-time links, known only by their SHA-256. Either to an app, with a role there, or to the server.
CREATE TABLE invitations (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    sha256      BYTEA            NOT NULL UNIQUE,
    app_id      TEXT COLLATE "C" REFERENCES apps (id) ON DELETE CASCADE,
    role        TEXT COLLATE "C" CHECK (role IN ('viewer', 'editor', 'owner')),
    admin       BOOLEAN          NOT NULL,
    create_apps BOOLEAN          NOT NULL,
    created_by  TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at  BIGINT           NOT NULL,
    expires_at  BIGINT           NOT NULL,
    -- It stays for a while, so that whoever opens the link again is told.
    accepted_at BIGINT,
    CHECK ((app_id IS NULL) = (role IS NULL))
);
CREATE INDEX invitations_by_app ON invitations (app_id);
-- Where '' stands for the server.
CREATE INDEX invitations_by_place ON invitations ((COALESCE(app_id, '')), id);
CREATE INDEX invitations_by_creator ON invitations (created_by);
