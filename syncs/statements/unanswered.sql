/* Batches with a request whose fate isn't on record, and until when one may be on its way.
in:  sync_id, run_no, plan_id
out: batches, deadline (of those without any outcome; 1970 if none)
why: a run isn't over while a lost worker's request may arrive; afterwards its rows are shown as unknown. The
     inner grouping follows the table's order, so that it needs no memory. */
SELECT groupUniqArray(batch_no) AS batches, max(if(answered, toDateTime64(0, 3, 'UTC'), deadline)) AS deadline
FROM
(
    SELECT i.batch_no AS batch_no, i.deadline AS deadline, o.rows > 0 AS answered, o.unknown AS unknown
    FROM (SELECT batch_no, attempt, deadline FROM [[db]].sync_intents
          WHERE sync_id = {sync_id:String} AND run_no = {run_no:UInt64} AND plan_id = {plan_id:String}) AS i
    LEFT JOIN
    (
        SELECT batch_no, attempt, count() AS rows, countIf(last = 'unknown' AND by != 'park') AS unknown
        FROM
        (
            SELECT row_no, batch_no, attempt, argMax(status, seq) AS last, argMax(by, seq) AS by FROM [[db]].sync_outcomes
            WHERE sync_id = {sync_id:String} AND run_no = {run_no:UInt64} AND plan_id = {plan_id:String} AND attempt > 0
            GROUP BY row_no, batch_no, attempt
        )
        GROUP BY batch_no, attempt
    ) AS o ON i.batch_no = o.batch_no AND i.attempt = o.attempt
    WHERE NOT answered OR unknown > 0
)
SETTINGS join_use_nulls = 0, optimize_aggregation_in_order = 1
