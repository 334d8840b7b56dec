-- What decides a merge, of each profile that a tie of the window names.
-- In: recent.sql's parameters. Out: identifiers, user ids among them, first seen.
-- Why not only those of links.sql: to leave out ties within one profile costs more than to read their profiles.
SELECT profile_id, count() AS ids, countIf(kind = 'user_id') AS users, min(first_seen_at) AS first_seen
FROM {{database}}.identities FINAL
WHERE profile_id IN
(
    SELECT profile_id
    FROM {{database}}.identities FINAL
    WHERE (kind, value) IN (SELECT arrayJoin([a, b]) FROM ({{pairs}}))
)
GROUP BY profile_id
