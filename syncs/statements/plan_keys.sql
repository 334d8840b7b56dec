/* Step 1 of a plan: which keys differ, numbered over removes, then changes, then adds, each by key.
in:  sync_id, version (a sealed snapshot), full, adds, changes, removes (what the mode plans), parks, withdrawn (only removals of
     people who may not be sent any more); generated: plan (a table of ours), only and limit (of a test: which rows)
out: the plan's table (row_no, op, key); hash = 0 stands for "not on this side"
why: both sides are read in key order and merged, nothing is sorted but the difference (docs/decisions.md §1).
     Where an unknown parks, its key is never planned; elsewhere it may be held, so it is changed or removed rather
     than added or forgotten. A row that is only held back is never removed. */
INSERT INTO [[plan]] (row_no, op, key)
SELECT row_number() OVER (ORDER BY rank, key) AS row_no, op, key
FROM
(
    SELECT
        if(d.hash = 0, a.key, d.key) AS key,
        multiIf(d.hash = 0, 'remove', a.hash = 0 AND NOT a.maybe, 'add', 'change') AS op,
        multiIf(op = 'remove', 1, op = 'change', 2, 3) AS rank
    FROM
    (
        SELECT key, hash FROM [[db]].sync_snapshot_rows
        WHERE sync_id = {sync_id:String} AND version = {version:UInt64} AND reason = ''
    ) AS d
    FULL JOIN
    (
        SELECT key, applied_hash AS hash, last_status = 'unknown' AS parked, parked AND applied_hash = 0 AND applied_ids != '' AS maybe
        FROM [[db]].sync_state FINAL
        WHERE sync_id = {sync_id:String}
    ) AS a ON d.key = a.key
    WHERE (d.hash != a.hash OR ({full:Bool} AND d.hash != 0) OR (d.hash = 0 AND a.maybe))
        AND NOT ({parks:Bool} AND a.parked)
)
WHERE ((op = 'add' AND {adds:Bool}) OR (op = 'change' AND {changes:Bool}) OR (op = 'remove' AND {removes:Bool}))
    AND (op != 'remove' OR key NOT IN
        (SELECT key FROM [[db]].sync_snapshot_rows
         WHERE sync_id = {sync_id:String} AND version = {version:UInt64} AND reason IN ('unresolved', 'quarantined', 'open_ticket')))
    AND (NOT {withdrawn:Bool} OR key IN
        (SELECT key FROM [[db]].sync_snapshot_rows
         WHERE sync_id = {sync_id:String} AND version = {version:UInt64} AND reason IN ('suppressed', 'consent_denied', 'consent_unknown')))
    [[only]]
[[limit]]
SETTINGS join_algorithm = 'full_sorting_merge', join_use_nulls = 0, max_block_size = 8192, min_insert_block_size_rows = 262144,
    min_insert_block_size_bytes = 67108864, max_bytes_before_external_sort = 268435456, max_memory_usage = 1073741824
