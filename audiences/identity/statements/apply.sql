-- Moves the identifiers of profiles that lost to who won.
-- In: since_version, version as in compress.sql, after which it runs. Repeating it finds nothing left to move.
INSERT INTO {{database}}.identities (kind, value, profile_id, first_seen_at, version)
SELECT i.kind, i.value, m.into_profile, i.first_seen_at, {version:UInt64}
FROM (SELECT kind, value, profile_id, first_seen_at FROM {{database}}.identities FINAL) AS i
INNER JOIN
(
    SELECT from_profile, into_profile FROM {{database}}.identity_merges FINAL WHERE version >= {since_version:UInt64}
) AS m ON i.profile_id = m.from_profile
