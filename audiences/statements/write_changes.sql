-- Writes who entered and left between two versions of an audience, under the new version, which isn't published yet.
-- In: old, new (tables), because_old, because_new (names of true columns), because, old_version, new_version, name,
-- logical_time. An exit says why the member had been there.
INSERT INTO {{database}}.audience_changes_raw (name, version, key, change, because, logical_time)
SELECT
    {name:String}, {new_version:UInt64},
    if(n.key != '', n.key, o.key), if(n.key != '', 'enter', 'exit'), if(n.key != '', n.why, o.why),
    {logical_time:DateTime64(3, 'UTC')}
FROM (SELECT key, {{because_new}} AS why FROM {{new}} WHERE version = {new_version:UInt64}) AS n
FULL JOIN (SELECT key, {{because_old}} AS why FROM {{old}} WHERE version = {old_version:UInt64}) AS o ON n.key = o.key
WHERE n.key = '' OR o.key = ''
SETTINGS join_algorithm = 'full_sorting_merge', join_use_nulls = 0
