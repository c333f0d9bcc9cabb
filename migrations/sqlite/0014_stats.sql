-- What invocations come to, by time. The same as ../postgres/0014_stats.sql.

-- Sums over the invocations that began in a minute, or in an hour. Like those of the scripts, they count what was not
-- recorded too.
CREATE TABLE stats (
    -- The script's id, or, for those of an app's invocations together that no script called, the app's. Whoever deletes
    -- either deletes these rows; one that comes too late goes by its age.
    owner        TEXT   NOT NULL,
    -- 60,000 or 3,600,000.
    width        BIGINT NOT NULL,
    start        BIGINT NOT NULL,
    requests     BIGINT NOT NULL,
    errors       BIGINT NOT NULL,
    fuel         BIGINT NOT NULL,
    duration_us  BIGINT NOT NULL,
    -- The most of one invocation.
    memory_bytes BIGINT NOT NULL,
    -- A histogram of microseconds: crates/shared/src/histogram.rs makes it and reads it.
    latency      BLOB   NOT NULL,
    PRIMARY KEY (owner, width, start)
) WITHOUT ROWID;
CREATE INDEX stats_by_age ON stats (width, start);

-- Whoever records invocations of an app holds its row, after those of the scripts. It refers to no app, so that who
-- records never waits for who deletes the app.
CREATE TABLE app_records (
    app_id  TEXT   NOT NULL PRIMARY KEY,
    -- Numbers the app's invocations that wrote logs, in the order in which they were recorded.
    log_seq BIGINT NOT NULL
);
