-- What pages of other origins may do with an app. The same as ../postgres/0009_cors.sql.

-- A JSON object; `null`: what the scripts' own headers say.
ALTER TABLE apps ADD COLUMN cors TEXT NOT NULL DEFAULT 'null';
