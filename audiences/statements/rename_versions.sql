-- Copies the published versions of a file to its new name; their rows stay where they are.
-- In: kind, from, to. A repeat copies what an interrupted one left out.
INSERT INTO {{database}}.materialization_log
    (id, kind, name, version, seq, state, logical_time, at, trigger, actor, project_hash, row_fingerprint, input_versions,
     table_name, columns, rows, entered, exited, dropped_keys, unresolved_keys, checksum, reason, error)
SELECT
    concat(id, '@', {to:String}), kind, {to:String}, version, seq, state, logical_time, at, trigger, actor, project_hash, row_fingerprint, input_versions,
    table_name, columns, rows, entered, exited, dropped_keys, unresolved_keys, checksum, concat('renamed from ', {from:String}), error
FROM {{database}}.materialization_log
WHERE kind = {kind:String} AND name = {from:String} AND state = 'published'
  AND version NOT IN (SELECT version FROM {{database}}.materialization_log WHERE kind = {kind:String} AND name = {to:String})
