-- The rows of the version before, of profiles that aren't affected.
-- In: table, columns, affected, version, base. Out: rows of the new version's partition.
INSERT INTO {{table}} (version, {{columns}})
SELECT {version:UInt64}, {{columns}}
FROM {{table}}
WHERE version = {base:UInt64} AND toUUIDOrZero(key) NOT IN (SELECT id FROM {{affected}})
