-- Who made an app, for how many one user may make. The same as ../postgres/0022_app_creators.sql.

ALTER TABLE apps ADD COLUMN created_by TEXT;
UPDATE apps SET created_by = (SELECT MIN(user_id) FROM memberships WHERE app_id = apps.id AND role = 'owner');
CREATE INDEX apps_by_creator ON apps (created_by);
