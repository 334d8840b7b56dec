/* Rows that the destination refused in several runs with the same error and payload.
in:  sync_id, run_no, after (failures), at; generated: few (a key filter where the state is large)
out: sync_dead
why: they are left out until their payload changes or a person releases them. */
INSERT INTO [[db]].sync_dead (sync_id, key, payload_hash, code, words, first_at, last_at, tries, released, version)
SELECT s.sync_id, s.key, s.last_hash, s.last_code, s.last_words,
    if(d.version > 0 AND d.payload_hash = s.last_hash, d.first_at, {at:DateTime64(3, 'UTC')}), {at:DateTime64(3, 'UTC')}, s.fails, false, {run_no:UInt64} * 2
FROM (SELECT * FROM [[db]].sync_state FINAL WHERE sync_id = {sync_id:String}
      AND last_run_no = {run_no:UInt64} AND last_status = 'rejected' AND last_op != 'remove' AND fails >= {after:UInt32} [[few]]) AS s
LEFT ANY JOIN (SELECT * FROM [[db]].sync_dead FINAL WHERE sync_id = {sync_id:String}) AS d ON s.key = d.key
SETTINGS join_use_nulls = 0
