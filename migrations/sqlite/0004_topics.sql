-- Topics: who is subscribed, and what is on its way. The same as ../postgres/0004_topics.sql.

-- A JSON array of the topics that the version is subscribed to, which a rollback puts back.
ALTER TABLE versions ADD COLUMN topics TEXT NOT NULL DEFAULT '[]';

-- Numbers the app's events; whoever publishes holds this row's lock.
ALTER TABLE apps ADD COLUMN published BIGINT NOT NULL DEFAULT 0;

-- The topics of the active versions.
CREATE TABLE subscriptions (
    app_id    TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    topic     TEXT NOT NULL,
    script_id TEXT NOT NULL REFERENCES scripts (id) ON DELETE CASCADE,
    PRIMARY KEY (app_id, topic, script_id)
);
CREATE INDEX subscriptions_by_script ON subscriptions (script_id);

-- One event for one script. A row is deleted when it has arrived.
CREATE TABLE deliveries (
    id              TEXT    NOT NULL PRIMARY KEY,
    -- Repeats the script's, for the indexes; the script's deletion is what deletes a row.
    app_id          TEXT    NOT NULL,
    script_id       TEXT    NOT NULL REFERENCES scripts (id) ON DELETE CASCADE,
    topic           TEXT    NOT NULL,
    -- Rows of one script and key are delivered one after the other, in the order of seq.
    ordering_key    BLOB,
    -- From apps.published.
    seq             BIGINT  NOT NULL,
    -- JSON text.
    payload         BLOB    NOT NULL,
    depth           BIGINT  NOT NULL,
    -- Those that began.
    attempts        BIGINT  NOT NULL DEFAULT 0,
    not_before      BIGINT  NOT NULL,
    -- When it may be claimed: while it is leased, when the lease ends; NULL behind another of its key, and when dead.
    due_at          BIGINT,
    leased          BOOLEAN NOT NULL DEFAULT FALSE,
    -- Counts the leases; whoever holds an older one has lost it.
    lease           BIGINT  NOT NULL DEFAULT 0,
    -- When it was given up; NULL while it is not.
    dead_at         BIGINT,
    error           BLOB,
    last_invocation TEXT
);
CREATE INDEX deliveries_by_due ON deliveries (app_id, due_at) WHERE dead_at IS NULL;
CREATE INDEX deliveries_by_key ON deliveries (script_id, ordering_key, seq)
    WHERE dead_at IS NULL AND ordering_key IS NOT NULL;
CREATE INDEX deliveries_by_script ON deliveries (script_id);
CREATE INDEX dead_letters ON deliveries (app_id, id) WHERE dead_at IS NOT NULL;
CREATE INDEX dead_letters_by_age ON deliveries (app_id, dead_at) WHERE dead_at IS NOT NULL;
