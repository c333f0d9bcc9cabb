-- Domains: at which an app answers beside its name below the apps domain. The same as ../sqlite/0012_domains.sql.

CREATE TABLE domains (
    -- In lower case and in ASCII; of one app at most.
    domain     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    app_id     TEXT COLLATE "C" NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    created_at BIGINT           NOT NULL
);
CREATE INDEX domains_by_app ON domains (app_id);
