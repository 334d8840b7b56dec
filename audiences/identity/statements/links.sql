-- The ties between identifiers that belong to two profiles today, the earliest first.
-- In: recent.sql's parameters. Out: one row a pair, with the event that said so first.
WITH
pairs AS
(
    {{pairs}}
),
known AS
(
    SELECT kind, value, profile_id
    FROM {{database}}.identities FINAL
    WHERE (kind, value) IN (SELECT arrayJoin([a, b]) FROM pairs)
)
SELECT
    p.reason AS reason, p.a.1 AS kind_a, p.a.2 AS value_a, ka.profile_id AS profile_a,
    p.b.1 AS kind_b, p.b.2 AS value_b, kb.profile_id AS profile_b, p.said.2 AS message_id
FROM pairs AS p
INNER JOIN known AS ka ON ka.kind = p.a.1 AND ka.value = p.a.2
INNER JOIN known AS kb ON kb.kind = p.b.1 AND kb.value = p.b.2
WHERE ka.profile_id != kb.profile_id
ORDER BY p.said, reason, kind_a, value_a, kind_b, value_b
