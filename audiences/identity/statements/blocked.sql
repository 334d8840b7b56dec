-- Notes each blocked value that an identify or alias named, once for ever, with an example.
-- In: since, until, blocked.
INSERT INTO {{database}}.identity_refusals (kind, value, profile_id, reason, message_id)
SELECT id.1 AS kind, lowerUTF8(trimBoth(id.2, ' \t\r\n\f\v')) AS value, toUUID('00000000-0000-0000-0000-000000000000'), 'blocked_value', min(message_id)
FROM
(
    SELECT message_id, user_id, anonymous_id,
        if(type != 'identify', '', ifNull(traits.email.:String, '')) AS email,
        if(type != 'alias', '', JSONExtractString(payload, 'previousId')) AS previous_id
    FROM {{database}}.events_raw
    WHERE type IN ('identify', 'alias')
      AND loaded_at > {since:DateTime64(3, 'UTC')} AND loaded_at <= {until:DateTime64(3, 'UTC')}
)
ARRAY JOIN [('user_id', user_id), ('anonymous_id', anonymous_id), ('email', email), ('previous_id', previous_id)] AS id
WHERE value != '' AND has({blocked:Array(String)}, value)
  AND (kind, value) NOT IN (SELECT kind, value FROM {{database}}.identity_refusals WHERE reason = 'blocked_value')
GROUP BY kind, value
