/* Keys that an earlier run planned and that weren't accepted.
in:  sync_id, carry_run, carry_plan
out: key
why: an event that was rejected, or that a stopped run didn't come to, is taken again although the window has moved on. */
SELECT key FROM [[db]].sync_changes
WHERE sync_id = {sync_id:String} AND run_no = {carry_run:UInt64} AND plan_id = {carry_plan:String} AND row_no NOT IN
    (SELECT row_no FROM [[db]].sync_outcomes
     WHERE sync_id = {sync_id:String} AND run_no = {carry_run:UInt64} AND plan_id = {carry_plan:String} AND status = 'accepted')
