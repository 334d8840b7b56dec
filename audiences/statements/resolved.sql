-- Of a version whose key was resolved: members whose identifier no event has named, people, and rows.
-- In: table, raw (the identifier as text), version, kind. Out: unresolved, people, rows.
SELECT
    countIf({{raw}} NOT IN (SELECT value FROM {{database}}.identities WHERE kind = {kind:String})) AS unresolved,
    uniqExact(key) AS people,
    count() AS rows
FROM {{table}}
WHERE version = {version:UInt64}
