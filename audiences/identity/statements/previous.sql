-- Gives the previousId of aliases a row in identities under both kinds, where it is known under neither.
-- In: recent.sql's parameters; version. Runs after identifiers.sql.
INSERT INTO {{database}}.identities (kind, value, profile_id, first_seen_at, version)
WITH named AS
(
    SELECT previous_id AS value, min(seen) AS first_seen FROM ({{recent}}) WHERE type = 'alias' AND previous_id != '' GROUP BY value
)
SELECT kind, value, {{profile_id(kind, value)}}, first_seen, {version:UInt64}
FROM named
ARRAY JOIN ['user_id', 'anonymous_id'] AS kind
WHERE value NOT IN
(
    SELECT value FROM {{database}}.identities FINAL
    WHERE (kind, value) IN (SELECT arrayJoin(['user_id', 'anonymous_id']), value FROM named)
)
