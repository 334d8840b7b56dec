/* What a person found out about a row whose fate was unknown.
in:  sync_id, key, applied (1: it arrived), at, actor
out: sync_state, one version above the fold's
why: of classes B, C and D nobody sends again by himself; the last attempt's change says what would be held. */
INSERT INTO [[db]].sync_state (sync_id, key, applied_hash, applied_ids, applied_payload, encoding, ref, applied_at,
    last_status, last_op, last_hash, last_run_no, last_code, last_words, fails, version)
SELECT s.sync_id, s.key,
    if({applied:Bool}, if(s.last_op = 'remove', toUInt128(0), s.last_hash), s.applied_hash),
    if({applied:Bool}, if(s.last_op = 'remove', '', c.ids_after), s.applied_ids),
    if({applied:Bool}, if(s.last_op = 'remove', '', c.payload_after), s.applied_payload),
    s.encoding, s.ref, if({applied:Bool}, toNullable({at:DateTime64(3, 'UTC')}), s.applied_at),
    if({applied:Bool}, 'accepted', 'deferred'), s.last_op, s.last_hash, s.last_run_no, 'resolved', concat('resolved by ', {actor:String}), 0, s.version + 1
FROM (SELECT * FROM [[db]].sync_state FINAL WHERE sync_id = {sync_id:String} AND key = {key:String}) AS s
LEFT ANY JOIN
(
    SELECT key, run_no, ids_after, payload_after FROM [[db]].sync_changes
    WHERE sync_id = {sync_id:String} AND key = {key:String}
        AND (run_no, plan_id) IN (SELECT run_no, plan_id FROM [[db]].sync_intents WHERE sync_id = {sync_id:String})
) AS c ON s.key = c.key AND s.last_run_no = c.run_no
WHERE s.last_status = 'unknown'
SETTINGS join_use_nulls = 0
