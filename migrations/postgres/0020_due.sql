-- What is due next, of whatever app. The same as ../sqlite/0020_due.sql.

-- So that looking does not go through all apps that have something waiting, when nothing of theirs is due.
CREATE INDEX deliveries_due ON deliveries (due_at, app_id) WHERE due_at IS NOT NULL;
