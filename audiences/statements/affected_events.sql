-- What the view events shows, of affected profiles alone: stands in its place in an incremental version.
-- In: affected. Out: the columns of events.
-- Why not the view with a condition: its profile_id is only known behind the join, so every event would be read. A test
-- holds this text against the view's.
SELECT
    e.message_id AS message_id, e.source AS source, e.type AS type, e.event AS event, e.name AS name,
    e.user_id AS user_id, e.anonymous_id AS anonymous_id, e.group_id AS group_id, m.profile_id AS profile_id,
    e.timestamp AS timestamp, e.original_timestamp AS original_timestamp, e.sent_at AS sent_at,
    e.received_at AS received_at, e.loaded_at AS loaded_at,
    e.context AS context, e.properties AS properties, e.traits AS traits, e.payload AS payload
FROM {{database}}.events_raw AS e FINAL
INNER JOIN {{affected}} AS m ON e.profile_id = m.id
PREWHERE e.profile_id IN (SELECT id FROM {{affected}})
SETTINGS do_not_merge_across_partitions_select_final = 1
