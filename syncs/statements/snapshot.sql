/* The selection, every row of it with its class.
in:  sync_id, version; generated: source and joins, key, ids (hashed where the connector says so), payload, match (folded ids), conditions
out: sync_snapshot_rows: reason '' is in, anything else is why a row was left out
why: one pass, so that nothing is dropped silently. Of rows with one identifier the smallest key among those that
     may be sent wins. Consent and suppression come first: they are promises; then what the project wants left out; the
     others are mistakes in data. */
INSERT INTO [[db]].sync_snapshot_rows (sync_id, version, reason, key, hash, ids, payload)
SELECT {sync_id:String}, {version:UInt64},
    multiIf(tr_reason != '', tr_reason, tr_nth > 1, 'invalid_duplicate_match', '') AS tr_final,
    tr_key, [[hash]], tr_ids, tr_payload
FROM
(
    SELECT tr_key, tr_ids, tr_payload, tr_reason,
        row_number() OVER (PARTITION BY tr_match ORDER BY tr_reason != '', tr_key) AS tr_nth
    FROM
    (
        SELECT tr_key, tr_ids, tr_payload, [[match]] AS tr_match,
            multiIf(
                tr_suppressed, 'suppressed',
                tr_denied, 'consent_denied',
                tr_unknown, 'consent_unknown',
                tr_exclusion != '', tr_exclusion,
                tr_ids = '{}' AND tr_refused, 'invalid_refused_match',
                tr_ids = '{}', 'invalid_empty_match',
                [[unresolved]], 'unresolved',
                (tr_key, [[hash]]) IN (SELECT key, payload_hash FROM [[db]].sync_dead FINAL WHERE sync_id = {sync_id:String} AND NOT released),
                'quarantined',
                '') AS tr_reason
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
            FROM [[source]] AS s
            [[joins]]
        )
    )
)
WHERE tr_key != ''
SETTINGS join_use_nulls = 0, max_block_size = 8192, min_insert_block_size_rows = 262144, min_insert_block_size_bytes = 67108864,
    max_bytes_before_external_sort = 268435456, optimize_on_insert = 1, [[encoding_settings]]
