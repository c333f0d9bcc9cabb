-- Which version a rollback without a number goes to. The same as ../sqlite/0002_previous_version.sql.

-- The number of the version that answered before the active one; NULL where no other has, or where the active one is
-- from before this migration.
ALTER TABLE scripts ADD COLUMN previous BIGINT;
