-- The part of events_raw that one window covers, with what identity needs of it.
-- In: since (exclusive) and until (inclusive), on loaded_at; blocked, lower-case.
-- Out: type, the identifiers ('' where absent or blocked), and seen.
-- Why seen is the lesser of two times: a client's clock may run ahead, an import is about the past.
SELECT
    type,
    if(has({blocked:Array(String)}, lowerUTF8(trimBoth(e.user_id, ' \t\r\n\f\v'))), '', e.user_id) AS user_id,
    if(has({blocked:Array(String)}, lowerUTF8(trimBoth(e.anonymous_id, ' \t\r\n\f\v'))), '', e.anonymous_id) AS anonymous_id,
    if(type != 'identify', '', ifNull(e.traits.email.:String, '')) AS raw_email,
    if(has({blocked:Array(String)}, lowerUTF8(trimBoth(raw_email, ' \t\r\n\f\v'))), '', raw_email) AS email,
    if(type != 'alias', '', JSONExtractString(e.payload, 'previousId')) AS raw_previous,
    if(has({blocked:Array(String)}, lowerUTF8(trimBoth(raw_previous, ' \t\r\n\f\v'))), '', raw_previous) AS previous_id,
    least(e.timestamp, e.received_at) AS seen,
    e.message_id AS message_id
FROM {{database}}.events_raw AS e
WHERE e.loaded_at > {since:DateTime64(3, 'UTC')} AND e.loaded_at <= {until:DateTime64(3, 'UTC')}
