-- What a sync's part of sync_state adds up to, by its content: parts is a hash over the names and the contents of its data
-- parts, so a row is true for ever, whoever wrote it, and says nothing once anything has changed.
-- rows: held ones. checksum: sum of their hashes, which wraps. unknowns and unknown_keys: those whose fate nobody knows, and the sum of their keys' hashes.
CREATE TABLE IF NOT EXISTS `tailrace`.sync_state_sums ON CLUSTER 'prod'
(
    sync_id      String,
    parts        String,
    rows         UInt64,
    checksum     UInt128,
    unknowns     UInt64,
    unknown_keys UInt64,
    at           DateTime64(3, 'UTC')
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', at)
ORDER BY (sync_id, parts)
TTL toDateTime(at) + INTERVAL 90 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

