-- Variables and secrets: what people set and scripts read. The same as ../sqlite/0006_secrets.sql.

CREATE TABLE vars (
    app_id     TEXT COLLATE "C" NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    name       TEXT COLLATE "C" NOT NULL,
    value      BYTEA            NOT NULL,
    updated_at BIGINT           NOT NULL,
    PRIMARY KEY (app_id, name)
);

CREATE TABLE secrets (
    app_id     TEXT COLLATE "C" NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    name       TEXT COLLATE "C" NOT NULL,
    -- Which of the instance's keys sealed it.
    key_id     TEXT COLLATE "C" NOT NULL,
    -- Nonce, ciphertext and tag: crates/vault makes it and opens it.
    sealed     BYTEA            NOT NULL,
    updated_at BIGINT           NOT NULL,
    PRIMARY KEY (app_id, name)
);
-- Which keys are in use is asked at every start.
CREATE INDEX secrets_by_key ON secrets (key_id);
