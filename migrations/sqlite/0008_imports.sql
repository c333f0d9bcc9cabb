-- Imports between the scripts of an app. The same as ../postgres/0008_imports.sql.

-- A JSON array of the names of the scripts that the version imports itself, in alphabetical order.
ALTER TABLE versions ADD COLUMN imports TEXT NOT NULL DEFAULT '[]';

-- Where the error's place is, when it is in a script that was imported.
ALTER TABLE invocations ADD COLUMN error_script TEXT;
