-- Gives every identifier that events of the window name a row in identities: its base profile when it is new,
-- the profile it has, with an earlier first_seen_at, when an older event came in late.
-- In: recent.sql's parameters; version. Repeating it writes nothing that changes the outcome.
-- An alias's previousId is added under both kinds where it is known under neither (see previous.sql).
INSERT INTO {{database}}.identities (kind, value, profile_id, first_seen_at, version)
WITH named AS
(
    SELECT id.1 AS kind, id.2 AS value, min(seen) AS first_seen
    FROM
    (
        SELECT user_id, anonymous_id, email, min(seen) AS seen
        FROM ({{recent}})
        GROUP BY user_id, anonymous_id, email
    )
    ARRAY JOIN [('user_id', user_id), ('anonymous_id', anonymous_id), ('email', email)] AS id
    WHERE value != ''
    GROUP BY kind, value
)
SELECT
    n.kind, n.value,
    if(known.value = '', {{profile_id(n.kind, n.value)}}, known.profile_id),
    if(known.value = '', n.first_seen, least(n.first_seen, known.first_seen_at)),
    {version:UInt64}
FROM named AS n
LEFT JOIN
(
    SELECT kind, value, profile_id, first_seen_at
    FROM {{database}}.identities FINAL
    WHERE (kind, value) IN (SELECT kind, value FROM named)
) AS known ON known.kind = n.kind AND known.value = n.value
WHERE known.value = '' OR n.first_seen < known.first_seen_at
