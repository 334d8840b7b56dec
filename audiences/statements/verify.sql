-- Where two versions of one table differ.
-- In: table, hash, row (a text of the whole row), full, incremental (versions). Out: key, full and incremental ('' where it has no row), total.
SELECT key, full, incremental, count() OVER () AS total
FROM
(
    SELECT if(f.key != '', f.key, i.key) AS key, f.row AS full, i.row AS incremental
    FROM (SELECT key, {{hash}} AS hash, {{row}} AS row FROM {{table}} WHERE version = {full:UInt64}) AS f
    FULL JOIN (SELECT key, {{hash}} AS hash, {{row}} AS row FROM {{table}} WHERE version = {incremental:UInt64}) AS i ON f.key = i.key
    WHERE f.hash != i.hash
)
ORDER BY key
LIMIT 20
SETTINGS join_algorithm = 'full_sorting_merge', join_use_nulls = 0
