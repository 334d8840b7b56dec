/* Keys of a range of a plan whose people may not be sent now.
in:  sync_id, run_no, plan_id, first, last; generated: joins and conditions (as in the snapshot)
out: key
why: consent may be withdrawn between plan and send. Removals go through all the same, except those that a run of
     withdrawals has made since, beside the held plan. */
SELECT DISTINCT s.key AS key
FROM
(
    SELECT key, ids_after AS ids FROM [[db]].sync_changes
    WHERE sync_id = {sync_id:String} AND run_no = {run_no:UInt64} AND plan_id = {plan_id:String}
        AND row_no BETWEEN {first:UInt64} AND {last:UInt64} AND op != 'remove'
) AS s
[[joins]]
WHERE ([[suppressed]]) OR ([[denied]]) OR ([[unknown]])
UNION ALL
SELECT key FROM [[db]].sync_changes
WHERE sync_id = {sync_id:String} AND run_no = {run_no:UInt64} AND plan_id = {plan_id:String}
    AND row_no BETWEEN {first:UInt64} AND {last:UInt64} AND op = 'remove'
    AND key IN (SELECT key FROM [[db]].sync_state FINAL WHERE sync_id = {sync_id:String} AND applied_hash = 0 AND last_run_no > {run_no:UInt64})
SETTINGS join_use_nulls = 0
