/* How a run's changes ended, counted from the ledger.
in:  sync_id, run_no, plan_id, removals, first, last; generated: row_outcomes, row_status
out: status ('' is to go), op, rows
why: one side of the sum planned = accepted + rejected + skipped + moved + unknown + suppressed + cancelled + to go. */
SELECT final, op, count() AS rows
FROM
(
    SELECT c.op AS op, o.refused AS refused, o.removal AS removal, o.sending AS sending, [[row_status]] AS final
    FROM
    (
        SELECT row_no, toString(op) AS op FROM [[db]].sync_changes
        WHERE sync_id = {sync_id:String} AND run_no = {run_no:UInt64} AND plan_id = {plan_id:String}
            AND row_no BETWEEN {first:UInt64} AND {last:UInt64}
    ) AS c
    LEFT JOIN ([[row_outcomes]]) AS o ON c.row_no = o.row_no
)
GROUP BY final, op
SETTINGS join_use_nulls = 0, max_memory_usage = 1073741824
