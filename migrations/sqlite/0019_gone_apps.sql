-- What is deleted goes in steps. The same as ../postgres/0019_gone_apps.sql.

-- Whether it was deleted: nobody finds it any more, and what it has is being removed. A deleted script is moved to an app of
-- its own that is gone.
ALTER TABLE apps ADD COLUMN gone BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX gone_apps ON apps (id) WHERE gone;
-- For telling how many wait of each topic, without their payloads and without those of other apps.
CREATE INDEX deliveries_by_topic ON deliveries (app_id, topic, dead_at) WHERE topic IS NOT NULL;
