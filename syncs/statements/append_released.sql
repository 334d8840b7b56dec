/* Keys that a person released, and that weren't accepted since.
in:  sync_id
out: key */
SELECT key FROM [[db]].sync_dead FINAL
WHERE sync_id = {sync_id:String} AND released AND key NOT IN
    (SELECT key FROM [[db]].sync_state FINAL
     WHERE sync_id = {sync_id:String} AND applied_hash != 0 AND key IN (SELECT key FROM [[db]].sync_dead WHERE sync_id = {sync_id:String}))
