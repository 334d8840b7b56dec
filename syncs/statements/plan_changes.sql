/* Step 2 of a plan: the changes with what is held and what is wanted.
in:  sync_id, version, run_no, plan_id, planned_at, exit (payload of a removal); generated: plan, moved (a set of keys),
     few_d and few_a (key filters where few rows differ), algorithm, memory, row_hash
out: sync_changes
why: where few rows differ their payloads are looked up by key; otherwise both sides are merged once more. */
INSERT INTO [[db]].sync_changes (sync_id, run_no, plan_id, planned_at, row_no, op, moved, key, ids_before, ids_after,
    payload_before, payload_after, changed_fields, hash_before, hash_after, ref, row_hash)
SELECT {sync_id:String}, {run_no:UInt64}, {plan_id:String}, {planned_at:DateTime64(3, 'UTC')},
    row_no, op, key IN ([[moved]]) AS moved, key, ids_before, ids_after, payload_before, payload_after,
    if(op = 'change', arraySort(arrayDistinct(arrayConcat(
        arrayMap(f -> f.1, arrayFilter(f -> NOT has(was, f), is)), arrayMap(f -> f.1, arrayFilter(f -> NOT has(is, f), was))))), []),
    hash_before, hash_after, ref, [[row_hash]]
FROM
(
    SELECT c.row_no AS row_no, toString(c.op) AS op, c.key AS key,
        a.ids AS ids_before, d.ids AS ids_after,
        a.payload AS payload_before, if(c.op = 'remove', {exit:String}, d.payload) AS payload_after,
        a.hash AS hash_before, d.hash AS hash_after, a.ref AS ref,
        arrayConcat(JSONExtractKeysAndValuesRaw(ids_before), JSONExtractKeysAndValuesRaw(payload_before)) AS was,
        arrayConcat(JSONExtractKeysAndValuesRaw(ids_after), JSONExtractKeysAndValuesRaw(payload_after)) AS is
    FROM (SELECT row_no, op, key FROM [[plan]]) AS c
    LEFT JOIN
    (
        SELECT key, ids, payload, hash FROM [[db]].sync_snapshot_rows
        WHERE sync_id = {sync_id:String} AND version = {version:UInt64} AND reason = '' [[few_d]]
    ) AS d ON c.key = d.key
    LEFT JOIN
    (
        SELECT key, applied_ids AS ids, applied_payload AS payload, applied_hash AS hash, ref FROM [[db]].sync_state FINAL
        WHERE sync_id = {sync_id:String} [[few_a]]
    ) AS a ON c.key = a.key
)
SETTINGS join_algorithm = '[[algorithm]]', join_use_nulls = 0, min_insert_block_size_rows = 262144,
    min_insert_block_size_bytes = 67108864, max_memory_usage = [[memory]][[more_settings]]
