/* The plan of an erasure: one removal for each of its people that the destination holds.
in:  sync_id, run_no, plan_id, planned_at, erasure, all (also who was taken out before: the vendor can delete for good); generated: row_hash
out: sync_changes
why: the sync's mode and selection don't matter; what was sent is kept in erasure_removals from before the first removal. */
INSERT INTO [[db]].sync_changes (sync_id, run_no, plan_id, planned_at, row_no, op, moved, key, ids_before, ids_after,
    payload_before, payload_after, changed_fields, hash_before, hash_after, ref, row_hash)
SELECT {sync_id:String}, {run_no:UInt64}, {plan_id:String}, {planned_at:DateTime64(3, 'UTC')},
    row_no, op, false, key, ids_before, ids_after, payload_before, payload_after, [], toUInt128(1), toUInt128(0), ref, [[row_hash]]
FROM
(
    SELECT toUInt64(row_number() OVER (ORDER BY key)) AS row_no, 'remove' AS op, key, ids AS ids_before, '' AS ids_after,
        payload AS payload_before, '{}' AS payload_after, ref
    FROM
    (
        SELECT r.key AS key, argMax(r.ids, r.held) AS ids, argMax(r.payload, r.held) AS payload, argMax(r.ref, r.held) AS ref, max(r.held) AS is_held
        FROM [[db]].erasure_removals AS r
        WHERE r.sync_id = {sync_id:String} AND r.erasure_id = {erasure:String} AND r.ids NOT IN ('', '{}')
        GROUP BY r.key
    )
    WHERE is_held OR {all:Bool}
)
