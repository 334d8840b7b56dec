-- Tables of other databases that the project reads.

-- One build of such a table that dbt told of: the newest says what the table is and when it last changed.
CREATE TABLE IF NOT EXISTS {{database}}.external_builds
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
ENGINE = MergeTree
ORDER BY (table_name, at)
TTL toDateTime(at) + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;
