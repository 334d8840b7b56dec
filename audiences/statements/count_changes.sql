-- How many entered and left between two versions.
-- In: old, new (tables), old_version, new_version. Out: entered, exited.
-- Why full_sorting_merge: both sides are read in order of their key, in flat memory.
SELECT countIf(o.key = '') AS entered, countIf(n.key = '') AS exited
FROM (SELECT key FROM {{new}} WHERE version = {new_version:UInt64}) AS n
FULL JOIN (SELECT key FROM {{old}} WHERE version = {old_version:UInt64}) AS o ON n.key = o.key
SETTINGS join_algorithm = 'full_sorting_merge', join_use_nulls = 0
