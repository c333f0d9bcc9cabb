-- Deliveries as they are looked at. The same as ../postgres/0021_delivery_list.sql.

-- The newest of an app first, by all that they are told apart by: payloads stand before some of these columns in their rows,
-- and going through thousands of large ones takes long. dead_at is NULL in all of them, and there so that no row is read for it.
CREATE INDEX deliveries_of_app ON deliveries (app_id, id, topic, script_id, leased, attempts, due_at, dead_at)
    WHERE dead_at IS NULL;
