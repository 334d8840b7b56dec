-- Keeps, of several identifiers that are one person, the row of the least identifier.
-- In: table, raw (the identifier as text), version. Out: rows deleted from a partition that nobody reads yet.
DELETE FROM {{table}}
WHERE version = {version:UInt64} AND (key, {{raw}}) NOT IN
(
    SELECT key, min({{raw}}) FROM {{table}} WHERE version = {version:UInt64} GROUP BY key
)
