/* What an adoption says the destination holds becomes the state.
in:  sync_id, run_no, version, encoding, at, replace; generated: matched (a table of ours), kinds (which of its rows)
out: sync_state; with replace, what the state held beside them is held no more
why: it may be repeated: the same run writes the same version. */
INSERT INTO [[db]].sync_state (sync_id, key, applied_hash, applied_ids, applied_payload, encoding, ref, applied_at,
    last_status, last_op, last_hash, last_run_no, last_code, last_words, fails, version)
SELECT {sync_id:String}, key, hash, ids, payload, {encoding:UInt16}, ref, if(hash = 0, NULL, toNullable({at:DateTime64(3, 'UTC')})),
    'adopted', if(hash = 0, 'remove', 'add'), hash, {run_no:UInt64}, '', '', 0, {version:UInt64}
FROM
(
    SELECT key, hash, ids, payload, ref FROM [[matched]] WHERE kind IN ([[kinds]])
    UNION ALL
    SELECT key, toUInt128(0) AS hash, '' AS ids, '' AS payload, '' AS ref FROM [[db]].sync_state FINAL
    WHERE {replace:Bool} AND sync_id = {sync_id:String} AND (applied_hash != 0 OR last_status = 'unknown')
        AND key NOT IN (SELECT key FROM [[matched]] WHERE kind IN ([[kinds]]))
)
SETTINGS max_memory_usage = 2147483648, min_insert_block_size_rows = 262144, min_insert_block_size_bytes = 67108864
