/* Batches that have rows without a final outcome, in the order in which they go.
in:  sync_id, run_no, plan_id, and the same again; generated: final (condition on an outcome)
out: the batches' columns
why: what is to do is read from the ledger alone, so that any process can go on. The inner grouping follows the
     table's order, so that it needs no memory. */
SELECT b.batch_no, b.phase, toString(b.action) AS action, b.first_row, b.last_row, b.rows, b.bytes, b.digest
FROM (SELECT * FROM [[db]].sync_batches WHERE sync_id = ? AND run_no = ? AND plan_id = ?) AS b
LEFT JOIN
(
    SELECT batch_no, count() AS done
    FROM
    (
        SELECT row_no, batch_no FROM [[db]].sync_outcomes
        WHERE sync_id = ? AND run_no = ? AND plan_id = ? AND [[final]]
        GROUP BY row_no, batch_no
    )
    GROUP BY batch_no
) AS o ON b.batch_no = o.batch_no
WHERE o.done < b.rows
ORDER BY b.phase, b.batch_no
SETTINGS join_use_nulls = 0, optimize_aggregation_in_order = 1
