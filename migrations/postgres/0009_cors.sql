-- What pages of other origins may do with an app. The same as ../sqlite/0009_cors.sql.

-- A JSON object; `null`: what the scripts' own headers say.
ALTER TABLE apps ADD COLUMN cors TEXT COLLATE "C" NOT NULL DEFAULT 'null';
