-- Copies the visible history of an audience to its new name.
-- In: from, to. Out: rows that nobody sees before rename_versions.sql has run.
INSERT INTO {{database}}.audience_changes_raw (name, version, key, change, because, logical_time)
SELECT {to:String}, version, key, change, because, logical_time
FROM {{database}}.audience_changes
WHERE name = {from:String}
