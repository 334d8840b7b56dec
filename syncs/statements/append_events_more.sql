/* Events that a person released, whenever they were loaded: part of append_events. */
UNION ALL
SELECT r.profile_id AS profile_id, r.loaded_at AS tr_loaded[[raw]]
FROM [[db]].events_raw AS r
WHERE [[which]] AND timestamp >= {since:DateTime64(3, 'UTC')} AND message_id IN ([[released]])
