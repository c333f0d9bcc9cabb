-- The limits that an app sets itself. The same as ../sqlite/0003_app_limits.sql.

-- A JSON object of names and values; a limit that is absent has its default.
ALTER TABLE apps ADD COLUMN limits TEXT COLLATE "C" NOT NULL DEFAULT '{}';
