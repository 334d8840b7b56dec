/* One row per change of a run: how each of its phases ended.
in:  sync_id, run_no, plan_id, removals (highest batch_no of phase 0), first, last (row numbers)
out: row_no, refused (by the plan, or moved), removal, sending (statuses, '' where there is none), answered_at, ref, code, words, batch and attempt of the last word
why: outcomes are append-only, the highest seq of a row in a batch counts; a change on a list has two phases. The order
     (batch, seq) is one number, since argMax by a tuple costs the engine forty times as much. */
SELECT row_no,
    maxIf(toString(status), batch_no = 0) AS refused,
    argMaxIf(toString(status), seq, batch_no BETWEEN 1 AND {removals:UInt32}) AS removal,
    argMaxIf(toString(status), seq, batch_no > {removals:UInt32}) AS sending,
    argMax(at, nth) AS answered_at,
    argMax(ref, nth) AS answer_ref,
    argMax(toString(code), nth) AS answer_code,
    argMax(words, nth) AS answer_words,
    argMax(attempt, nth) AS answer_attempt,
    max(batch_no) AS answer_batch
FROM
(
    SELECT row_no, batch_no, seq, status, at, ref, code, words, attempt, bitShiftLeft(toUInt128(batch_no), 64) + seq AS nth
    FROM [[db]].sync_outcomes
    WHERE sync_id = {sync_id:String} AND run_no = {run_no:UInt64} AND plan_id = {plan_id:String}
        AND row_no BETWEEN {first:UInt64} AND {last:UInt64}
)
GROUP BY row_no
