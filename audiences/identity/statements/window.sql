-- The end of the next window: all there is, or where max_links identify and alias events are reached.
-- In: since, max_links. Out: until, newest (both 1970-01-01 when there is nothing after since).
-- Whole blocks of events share a loaded_at, and a window never cuts one.
SELECT
    if(bound = toDateTime64(0, 3, 'UTC'), newest, bound) AS until, newest
FROM
(
    SELECT max(loaded_at) AS newest FROM {{database}}.events_raw WHERE loaded_at > {since:DateTime64(3, 'UTC')}
) AS n
CROSS JOIN
(
    SELECT max(loaded_at) AS bound
    FROM
    (
        SELECT loaded_at FROM {{database}}.events_raw
        WHERE loaded_at > {since:DateTime64(3, 'UTC')} AND type IN ('identify', 'alias')
        ORDER BY loaded_at
        LIMIT 1 OFFSET {max_links:UInt64}
    )
) AS b
