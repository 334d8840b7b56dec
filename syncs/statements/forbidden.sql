/* Keys of a range of a plan whose people may not be sent now.
in:  sync_id, run_no, plan_id, first, last; generated: joins and conditions (as in the snapshot)
out: key
why: consent may be withdrawn between plan and send; removals go through all the same. */
SELECT DISTINCT s.key AS key
FROM
(
    SELECT key, ids_after AS ids FROM [[db]].sync_changes
    WHERE sync_id = {sync_id:String} AND run_no = {run_no:UInt64} AND plan_id = {plan_id:String}
        AND row_no BETWEEN {first:UInt64} AND {last:UInt64} AND op != 'remove'
) AS s
[[joins]]
WHERE ([[suppressed]]) OR ([[denied]]) OR ([[unknown]])
SETTINGS join_use_nulls = 0
