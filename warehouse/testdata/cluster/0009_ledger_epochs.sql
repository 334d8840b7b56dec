-- That the ledger turned out to be behind its destinations (state restored), and who let which sync go on (released).
-- An epoch is one such restore. While it has no released row for a sync (sync_id '' stands for all), the sync sends nothing.
CREATE TABLE IF NOT EXISTS `tailrace`.ledger_epochs ON CLUSTER 'prod'
(
    epoch   String,
    state   LowCardinality(String),
    sync_id String,
    mark    String,
    mark_at DateTime64(3, 'UTC'),
    reason  String,
    actor   String,
    at      DateTime64(3, 'UTC')
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
ORDER BY (epoch, at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

