-- Result tables that hold nothing and that no reader or worker can be at.
-- In: database (as text). Out: name.
-- Why the log: an audience may have no members, and its table is then empty but in use.
SELECT name
FROM system.tables
WHERE database = {database:String} AND (startsWith(name, 'm_trait_') OR startsWith(name, 'm_audience_')) AND total_rows = 0
  AND metadata_modification_time < now() - INTERVAL 1 DAY
  AND name NOT IN
  (
      SELECT argMax(table_name, version) FROM {{database}}.materialization_log WHERE state = 'published' GROUP BY kind, name
  )
  AND name NOT IN (SELECT table_name FROM {{database}}.materialization_log WHERE at > now() - INTERVAL 1 DAY)
