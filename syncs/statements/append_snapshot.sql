/* The selection of a run that appends what happened, every row of its window with its class.
in:  sync_id, version, from, oldest, since, carry_run, carry_plan; generated: window and joins, key, ids, payload, conditions
out: sync_snapshot_rows: reason '' is in, anything else is why a row was left out
why: as snapshot.sql, but many rows may be about one person. */
INSERT INTO [[db]].sync_snapshot_rows (sync_id, version, reason, key, hash, ids, payload)
SELECT {sync_id:String}, {version:UInt64},
    multiIf(
        tr_suppressed, 'suppressed',
        tr_denied, 'consent_denied',
        tr_unknown, 'consent_unknown',
        tr_exclusion != '', tr_exclusion,
        [[empty]] AND tr_refused, 'invalid_refused_match',
        [[empty]], 'invalid_empty_match',
        [[unresolved]], 'unresolved',
        (tr_key, [[hash]]) IN (SELECT key, payload_hash FROM [[db]].sync_dead FINAL WHERE sync_id = {sync_id:String} AND NOT released),
        'quarantined',
        '') AS tr_reason,
    tr_key, [[hash]], tr_ids, tr_payload
FROM
(
    SELECT
        [[key]] AS tr_key,
        [[ids]] AS tr_ids,
        [[payload]] AS tr_payload,
        ([[suppressed]]) AS tr_suppressed,
        ([[denied]]) AS tr_denied,
        ([[unknown]]) AS tr_unknown,
        [[exclusion]] AS tr_exclusion,
        ([[refused]]) AS tr_refused
    FROM ([[window]]) AS s
    [[joins]]
)
WHERE tr_key != ''
SETTINGS join_use_nulls = 0, min_insert_block_size_rows = 262144, min_insert_block_size_bytes = 67108864,
    max_bytes_before_external_sort = 268435456, optimize_on_insert = 1, [[encoding_settings]]
