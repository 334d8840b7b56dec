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
        SELECT r.key AS key, argMaxIf(r.ids, (r.held, r.kept_at), named) AS ids, argMaxIf(r.payload, (r.held, r.kept_at), named) AS payload,
            argMaxIf(r.ref, (r.held, r.kept_at), named) AS ref, max(r.held) AS is_held
        FROM (SELECT *, ids NOT IN ('', '{}') AS named FROM [[db]].erasure_removals WHERE sync_id = {sync_id:String} AND erasure_id = {erasure:String}) AS r
        GROUP BY r.key
    )
    WHERE ids != '' AND (is_held OR {all:Bool})
)
