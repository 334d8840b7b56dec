-- What needed a person, and whether somebody was told. The newest version of an alert wins.
CREATE TABLE IF NOT EXISTS `tailrace`.alerts ON CLUSTER 'prod'
(
    alert_id String,
    type     LowCardinality(String),
    name     String,
    object   String,
    text     String,
    next     String,
    at       DateTime64(3, 'UTC'),
    state    LowCardinality(String),
    tries    UInt32,
    due_at   DateTime64(3, 'UTC'),
    version  UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', version)
PARTITION BY toYYYYMM(at)
ORDER BY alert_id
TTL toDateTime(at) + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

