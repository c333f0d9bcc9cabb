-- How much each app keeps in its key-value store. The same as ../postgres/0018_kv_usage.sql, but for how rows are counted.

-- Kept in step with kv by its triggers, whatever writes there. An app's rows are added up: with PostgreSQL each connection has
-- one of its own, so that none waits for another's. It refers to no app, as an app's entries go when it is gone already.
CREATE TABLE kv_usage (
    app_id  TEXT   NOT NULL,
    shard   BIGINT NOT NULL,
    -- Of keys and values.
    bytes   BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    PRIMARY KEY (app_id, shard)
);

INSERT INTO kv_usage (app_id, shard, bytes, entries)
    SELECT app_id, 0, SUM(LENGTH(key) + LENGTH(data)), COUNT(*) FROM kv GROUP BY app_id;

CREATE TRIGGER kv_inserted AFTER INSERT ON kv BEGIN
    INSERT INTO kv_usage (app_id, shard, bytes, entries)
        VALUES (NEW.app_id, 0, LENGTH(NEW.key) + LENGTH(NEW.data), 1)
        ON CONFLICT (app_id, shard) DO UPDATE
        SET bytes = bytes + excluded.bytes, entries = entries + 1;
END;
CREATE TRIGGER kv_updated AFTER UPDATE OF data ON kv WHEN LENGTH(NEW.data) <> LENGTH(OLD.data) BEGIN
    UPDATE kv_usage SET bytes = bytes + LENGTH(NEW.data) - LENGTH(OLD.data) WHERE app_id = NEW.app_id AND shard = 0;
END;
CREATE TRIGGER kv_deleted AFTER DELETE ON kv BEGIN
    UPDATE kv_usage SET bytes = bytes - LENGTH(OLD.key) - LENGTH(OLD.data), entries = entries - 1
        WHERE app_id = OLD.app_id AND shard = 0;
END;
