-- Fields of log lines, and who called whom. The same as ../postgres/0011_log_fields.sql.

-- A JSON object, or NULL.
ALTER TABLE logs ADD COLUMN fields BLOB;

-- The invocation whose script called this one's; NULL where none did. It may be gone before this one is.
ALTER TABLE invocations ADD COLUMN parent TEXT;
