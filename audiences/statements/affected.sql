-- The profiles whose rows a version recomputes: those with new events, both sides of new merges, and those that expire.
-- In: affected (table), until (ms), merges (version), expired (a UNION ALL, or nothing), and its parameters. Out: rows (id, profile_id), equal.
-- Why a table: the set is looked at several times and must be the same each time, while events come in.
INSERT INTO {{affected}} (id, profile_id)
SELECT DISTINCT if(m.into_profile = toUUID('00000000-0000-0000-0000-000000000000'), t.id, m.into_profile) AS canonical, canonical
FROM
(
    SELECT DISTINCT profile_id AS id FROM {{database}}.events_raw WHERE loaded_at > fromUnixTimestamp64Milli({until:Int64}, 'UTC')
    UNION ALL
    SELECT arrayJoin([from_profile, into_profile]) FROM {{database}}.identity_merges FINAL WHERE version > {merges:UInt64}
    {{expired}}
) AS t
LEFT ANY JOIN (SELECT from_profile, into_profile FROM {{database}}.identity_merges FINAL) AS m ON t.id = m.from_profile
SETTINGS join_use_nulls = 0
