/* The outcomes of removals that were not sent, since somebody else has the identifiers now.
in:  sync_id, run_no, plan_id, at
out: sync_outcomes
why: it is in the ledger only; written once, repeating it changes nothing. */
INSERT INTO [[db]].sync_outcomes (sync_id, run_no, plan_id, row_no, batch_no, part, attempt, seq, key, status, ref, code, field, words, by, at)
SELECT sync_id, run_no, plan_id, row_no, 0, '', 0, 0, key, 'moved', '', '', '', '', 'plan', {at:DateTime64(3, 'UTC')}
FROM [[db]].sync_changes
WHERE sync_id = {sync_id:String} AND run_no = {run_no:UInt64} AND plan_id = {plan_id:String} AND op = 'remove' AND moved
    AND row_no NOT IN (SELECT row_no FROM [[db]].sync_outcomes
                       WHERE sync_id = {sync_id:String} AND run_no = {run_no:UInt64} AND plan_id = {plan_id:String} AND batch_no = 0)
