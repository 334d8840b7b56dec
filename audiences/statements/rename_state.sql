-- Whether a renamed file has versions of its own, and how many of its former name's are still to be copied.
-- In: kind, from, to. Out: own, missing.
SELECT
    countIf(name = {to:String} AND NOT endsWith(id, concat('@', {to:String}))) AS own,
    toUInt64(greatest(0, uniqExactIf(version, name = {from:String} AND state = 'published')
        - uniqExactIf(version, name = {to:String} AND state = 'published'))) AS missing
FROM {{database}}.materialization_log
WHERE kind = {kind:String} AND name IN ({from:String}, {to:String})
