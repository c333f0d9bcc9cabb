-- How much each app keeps in its key-value store. The same as ../sqlite/0018_kv_usage.sql, but for how rows are counted.

-- Kept in step with kv by its triggers, whatever writes there. An app's rows are added up: with PostgreSQL each connection has
-- one of its own, so that none waits for another's. It refers to no app, as an app's entries go when it is gone already.
CREATE TABLE kv_usage (
    app_id  TEXT COLLATE "C" NOT NULL,
    shard   BIGINT           NOT NULL,
    -- Of keys and values.
    bytes   BIGINT           NOT NULL,
    entries BIGINT           NOT NULL,
    PRIMARY KEY (app_id, shard)
);

INSERT INTO kv_usage (app_id, shard, bytes, entries)
    SELECT app_id, 0, CAST(SUM(LENGTH(key) + LENGTH(data)) AS BIGINT), COUNT(*) FROM kv GROUP BY app_id;

-- Once for each statement, however many rows it writes; in the order of the apps, so that no two wait in a circle.
CREATE FUNCTION count_kv() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO kv_usage AS u (app_id, shard, bytes, entries)
            SELECT app_id, pg_backend_pid() % 64, SUM(LENGTH(key) + LENGTH(data)), COUNT(*) FROM written
            GROUP BY app_id ORDER BY app_id
            ON CONFLICT (app_id, shard) DO UPDATE
            SET bytes = u.bytes + excluded.bytes, entries = u.entries + excluded.entries;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO kv_usage AS u (app_id, shard, bytes, entries)
            SELECT app_id, pg_backend_pid() % 64, SUM(size), 0 FROM (
                SELECT app_id, LENGTH(data) AS size FROM written
                UNION ALL SELECT app_id, -LENGTH(data) FROM replaced) AS sizes
            GROUP BY app_id HAVING SUM(size) <> 0 ORDER BY app_id
            ON CONFLICT (app_id, shard) DO UPDATE SET bytes = u.bytes + excluded.bytes;
    ELSE
        INSERT INTO kv_usage AS u (app_id, shard, bytes, entries)
            SELECT app_id, pg_backend_pid() % 64, -SUM(LENGTH(key) + LENGTH(data)), -COUNT(*) FROM replaced
            GROUP BY app_id ORDER BY app_id
            ON CONFLICT (app_id, shard) DO UPDATE
            SET bytes = u.bytes + excluded.bytes, entries = u.entries + excluded.entries;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER kv_inserted AFTER INSERT ON kv REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION count_kv();
CREATE TRIGGER kv_updated AFTER UPDATE ON kv REFERENCING OLD TABLE AS replaced NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION count_kv();
CREATE TRIGGER kv_deleted AFTER DELETE ON kv REFERENCING OLD TABLE AS replaced
    FOR EACH STATEMENT EXECUTE FUNCTION count_kv();
