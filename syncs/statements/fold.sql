/* The fold of a run's outcomes into the state, for a range of rows.
in:  sync_id, run_no, plan_id, removals, first, last, version, encoding, receipt (of an event only that it was taken is kept); generated: row_outcomes, row_status
out: sync_state
why: applied_* change only by an accepted outcome and are carried forward by every other. It may be repeated: a key
     that this run has folded already counts its failures no second time. applied_hash = 0: nothing is held for sure;
     applied_ids of an unknown row name then what may be there, so that a later plan can take it out.
     Of a row whose person was erased since the plan nothing is folded: there is nobody to keep a state of. */
INSERT INTO [[db]].sync_state (sync_id, key, applied_hash, applied_ids, applied_payload, encoding, ref, applied_at,
    last_status, last_op, last_hash, last_run_no, last_code, last_words, fails, version)
SELECT {sync_id:String}, key,
    multiIf(holds_new, hash_after, holds_nothing, toUInt128(0), was_hash),
    multiIf({receipt:Bool}, '', holds_new, ids_after, holds_nothing AND NOT maybe_new, '', maybe_new AND (was_hash = 0 OR holds_nothing), ids_after, was_ids),
    multiIf({receipt:Bool}, '', holds_new, payload_after, holds_nothing, '', was_payload),
    if(holds_new OR was_encoding = 0, {encoding:UInt16}, was_encoding),
    multiIf(holds_new, if(answer_ref != '', answer_ref, was_ref), holds_nothing, '', was_ref),
    multiIf(holds_new, toNullable(answered_at), holds_nothing, NULL, was_at),
    final, op, hash_after, {run_no:UInt64}, answer_code, answer_words,
    multiIf(final != 'rejected', 0, was_run = {run_no:UInt64}, was_fails, was_hash_tried = hash_after AND was_code = answer_code, was_fails + 1, 1),
    {version:UInt64}
FROM
(
    SELECT c.key AS key, c.op AS op, c.hash_after AS hash_after, c.ids_after AS ids_after, c.payload_after AS payload_after,
        o.answered_at AS answered_at, o.answer_ref AS answer_ref, o.answer_code AS answer_code, o.answer_words AS answer_words,
        o.refused AS refused, o.removal AS removal, o.sending AS sending,
        a.applied_hash AS was_hash, a.applied_ids AS was_ids, a.applied_payload AS was_payload, a.encoding AS was_encoding,
        a.ref AS was_ref, a.applied_at AS was_at, a.last_run_no AS was_run, a.fails AS was_fails, a.last_hash AS was_hash_tried,
        toString(a.last_code) AS was_code,
        [[row_status]] AS final,
        op != 'remove' AND final = 'accepted' AS holds_new,
        (op = 'remove' AND final IN ('accepted', 'moved', 'skipped')) OR (op = 'change' AND removal IN ('accepted', 'skipped') AND NOT holds_new)
            AS holds_nothing,
        op != 'remove' AND final = 'unknown' AS maybe_new
    FROM
    (
        SELECT row_no, key, toString(op) AS op, hash_after, ids_after, payload_after FROM [[db]].sync_changes
        WHERE sync_id = {sync_id:String} AND run_no = {run_no:UInt64} AND plan_id = {plan_id:String}
            AND row_no BETWEEN {first:UInt64} AND {last:UInt64} AND NOT match(key, '^erased:[0-9a-f]{64}$')
    ) AS c
    INNER JOIN ([[row_outcomes]]) AS o ON c.row_no = o.row_no
    LEFT JOIN
    (
        SELECT * FROM [[db]].sync_state FINAL
        WHERE sync_id = {sync_id:String} AND key IN
            (SELECT key FROM [[db]].sync_changes
             WHERE sync_id = {sync_id:String} AND run_no = {run_no:UInt64} AND plan_id = {plan_id:String}
                AND row_no BETWEEN {first:UInt64} AND {last:UInt64})
    ) AS a ON c.key = a.key
    WHERE final != '' OR holds_nothing
)
SETTINGS join_use_nulls = 0, join_algorithm = 'hash', max_memory_usage = 1073741824, min_insert_block_size_bytes = 67108864
