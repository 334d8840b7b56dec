/* The rows of a window without a receipt, numbered in the order in which they happened.
in:  sync_id, version; generated: plan (a table of ours), receipts
out: the plan's table
why: there is nothing to compare an event with; only whether it was taken decides. */
INSERT INTO [[plan]] (row_no, op, key)
SELECT row_number() OVER (ORDER BY happened, key) AS row_no, 'add', key
FROM
(
    SELECT key, JSONExtractString(payload, 'time') AS happened FROM [[db]].sync_snapshot_rows
    WHERE sync_id = {sync_id:String} AND version = {version:UInt64} AND reason = '' AND key NOT IN ([[receipts]])
)
SETTINGS max_bytes_before_external_sort = 268435456, max_memory_usage = 1073741824
