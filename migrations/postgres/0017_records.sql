-- How much room records take, and finding them. The same as ../sqlite/0017_records.sql.

-- Bytes of the script's invocations, kept in step with them by whoever holds the row.
ALTER TABLE scripts ADD COLUMN record_bytes BIGINT NOT NULL DEFAULT 0;
-- About what the row takes with its log lines and its places in the indexes: crates/store/src/record.rs.
ALTER TABLE invocations ADD COLUMN bytes BIGINT NOT NULL DEFAULT 0;
-- From app_records.log_seq; NULL where there are no log lines, or from before this migration.
ALTER TABLE invocations ADD COLUMN log_seq BIGINT;

UPDATE invocations SET bytes = 700 + COALESCE(LENGTH(request), 0) + COALESCE(LENGTH(error_message), 0) + LENGTH(calls)
    + COALESCE((SELECT CAST(SUM(100 + LENGTH(message) + COALESCE(LENGTH(fields), 0)) AS BIGINT) FROM logs
        WHERE invocation_id = invocations.id), 0);
UPDATE scripts SET record_bytes =
    COALESCE((SELECT CAST(SUM(bytes) AS BIGINT) FROM invocations WHERE script_id = scripts.id), 0);

CREATE INDEX invocations_by_log ON invocations (app_id, log_seq) WHERE log_seq IS NOT NULL;
-- What is looked for among many that went well.
CREATE INDEX invocations_amiss_by_app ON invocations (app_id, id) WHERE outcome <> 'ok' OR status >= 400;
CREATE INDEX invocations_amiss_by_script ON invocations (script_id, id) WHERE outcome <> 'ok' OR status >= 400;
CREATE INDEX invocations_by_trigger ON invocations (app_id, id) WHERE trigger_kind <> 'http';
CREATE INDEX invocations_by_parent ON invocations (parent) WHERE parent IS NOT NULL;
-- For removing what has ended.
CREATE INDEX kv_by_end ON kv (expires_at) WHERE expires_at IS NOT NULL;
