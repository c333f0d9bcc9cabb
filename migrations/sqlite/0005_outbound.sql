-- The hosts that an app's scripts may reach. The same as ../postgres/0005_outbound.sql.

-- A JSON array of hosts; when it is empty, every public address.
ALTER TABLE apps ADD COLUMN outbound TEXT NOT NULL DEFAULT '[]';
