-- Deliveries of deleted scripts stay until they are removed. The same as ../postgres/0024_gone_deliveries.sql.

-- With whose they are, so that whoever counts or looks for what is due leaves them out without reading their rows.
DROP INDEX deliveries_by_due;
CREATE INDEX deliveries_by_due ON deliveries (app_id, due_at, script_id) WHERE dead_at IS NULL;
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (due_at, app_id, script_id) WHERE due_at IS NOT NULL;
DROP INDEX deliveries_by_topic;
CREATE INDEX deliveries_by_topic ON deliveries (app_id, topic, dead_at, script_id) WHERE topic IS NOT NULL;
DROP INDEX dead_letters_by_age;
CREATE INDEX dead_letters_by_age ON deliveries (app_id, dead_at, id, bytes, script_id) WHERE dead_at IS NOT NULL;
-- In the order in which they are removed.
DROP INDEX deliveries_by_script;
CREATE INDEX deliveries_by_script ON deliveries (script_id, id);
