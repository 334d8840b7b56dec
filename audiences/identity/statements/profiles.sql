-- What decides a merge, of each profile that a link of the window touches.
-- In: recent.sql's parameters. Out: identifiers, user ids among them, first seen.
SELECT profile_id, count() AS ids, countIf(kind = 'user_id') AS users, min(first_seen_at) AS first_seen
FROM {{database}}.identities FINAL
WHERE profile_id IN (SELECT arrayJoin([profile_a, profile_b]) FROM ({{links}}))
GROUP BY profile_id
