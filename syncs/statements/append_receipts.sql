/* Keys of a snapshot that the destination took already.
in:  sync_id, version
out: key
why: looked up by key, so the price is the window's, not that of all that was ever sent. */
SELECT key FROM [[db]].sync_state FINAL
WHERE sync_id = {sync_id:String} AND applied_hash != 0 AND key IN
    (SELECT key FROM [[db]].sync_snapshot_rows WHERE sync_id = {sync_id:String} AND version = {version:UInt64} AND reason = '')
