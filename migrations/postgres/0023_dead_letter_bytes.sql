-- How much dead letters take, for their bound. The same as ../sqlite/0023_dead_letter_bytes.sql.

-- Bytes of payload and error of one that is dead; NULL of any other.
ALTER TABLE deliveries ADD COLUMN bytes BIGINT;
UPDATE deliveries SET bytes = LENGTH(payload) + COALESCE(LENGTH(error), 0) WHERE dead_at IS NOT NULL;
DROP INDEX dead_letters_by_age;
-- The oldest of an app first, with all that tells which go: no row is read for it.
CREATE INDEX dead_letters_by_age ON deliveries (app_id, dead_at, id, bytes) WHERE dead_at IS NOT NULL;
