-- Files: a path of an app names a content, which is kept once for each app. The same as ../sqlite/0010_files.sql.

-- Kept in step with the rows of files; whoever writes files holds this row's lock.
ALTER TABLE apps ADD COLUMN file_bytes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE apps ADD COLUMN file_count BIGINT NOT NULL DEFAULT 0;

-- Deleted with the last file that names it.
CREATE TABLE file_contents (
    app_id TEXT COLLATE "C" NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    sha256 BYTEA            NOT NULL,
    data   BYTEA            NOT NULL,
    PRIMARY KEY (app_id, sha256)
);
-- Contents are mostly compressed already, or would be read slower.
ALTER TABLE file_contents ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE files (
    app_id     TEXT COLLATE "C" NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    path       BYTEA            NOT NULL,
    sha256     BYTEA            NOT NULL,
    size       BIGINT           NOT NULL,
    updated_at BIGINT           NOT NULL,
    PRIMARY KEY (app_id, path)
);
CREATE INDEX files_by_content ON files (app_id, sha256);
