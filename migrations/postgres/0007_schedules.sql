-- Schedules: when scripts run by the clock. The same as ../sqlite/0007_schedules.sql.

-- A JSON array of the version's schedules, which a rollback puts back.
ALTER TABLE versions ADD COLUMN schedules TEXT COLLATE "C" NOT NULL DEFAULT '[]';

-- The schedules of the active versions.
CREATE TABLE schedules (
    id              TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    app_id          TEXT COLLATE "C" NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    script_id       TEXT COLLATE "C" NOT NULL REFERENCES scripts (id) ON DELETE CASCADE,
    -- As it is written; it stays the same row while the script has the same.
    schedule        TEXT COLLATE "C" NOT NULL,
    -- The slot that fires next, and never one before it; NULL when none will.
    next_at         BIGINT,
    -- The slot that fired last, and the invocation that it led to last.
    last_at         BIGINT,
    last_invocation TEXT COLLATE "C",
    UNIQUE (script_id, schedule)
);
CREATE INDEX schedules_by_next ON schedules (next_at);
CREATE INDEX schedules_by_app ON schedules (app_id);

-- An event is one of a topic or one of a schedule.
ALTER TABLE deliveries ALTER COLUMN topic DROP NOT NULL;
-- The slot, and whose it is; the schedule may be gone before the event.
ALTER TABLE deliveries ADD COLUMN scheduled_at BIGINT;
ALTER TABLE deliveries ADD COLUMN schedule_id TEXT COLLATE "C";
