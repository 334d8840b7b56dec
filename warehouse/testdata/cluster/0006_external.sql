-- Tables of other databases that the project reads.

-- One build of such a table that dbt told of: the newest says what the table is and when it last changed.
CREATE TABLE IF NOT EXISTS `tailrace`.external_builds ON CLUSTER 'prod'
(
    table_name  String,
    node        String,
    description String,
    columns     Map(String, String),
    build       String,
    built_at    DateTime64(3, 'UTC'),
    actor       String,
    at          DateTime64(3, 'UTC')
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
ORDER BY (table_name, at)
TTL toDateTime(at) + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

