/* How many rows of the selection the destination already holds, counted apart from the plan.
in:  sync_id, version, changes, full, parks
out: one number
why: it is one side of the sum selected = add + change + unchanged + left out. Where the mode leaves changes alone,
     a changed row counts as unchanged. */
SELECT count()
FROM
(
    SELECT key, hash FROM [[db]].sync_snapshot_rows
    WHERE sync_id = {sync_id:String} AND version = {version:UInt64} AND reason = ''
) AS d
INNER JOIN
(
    SELECT key, applied_hash AS hash FROM [[db]].sync_state FINAL WHERE sync_id = {sync_id:String} AND applied_hash != 0
) AS a ON d.key = a.key
WHERE NOT {changes:Bool} OR (d.hash = a.hash AND NOT {full:Bool})
SETTINGS join_algorithm = 'full_sorting_merge', join_use_nulls = 0, max_block_size = 8192, max_memory_usage = 1073741824
