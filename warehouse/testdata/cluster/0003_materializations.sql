-- Versions of traits and audiences, and their history.

-- One transition of one version of (kind, name). The newest seq is its state; a version's rows count only
-- once a `published` row exists, and readers see the highest published version.
-- state: queued, computing, computed, checked, held, published, unchanged, discarded, failed, superseded.
CREATE TABLE IF NOT EXISTS `tailrace`.materialization_log ON CLUSTER 'prod'
(
    id              String,
    kind            LowCardinality(String),
    name            String,
    version         UInt64,
    seq             UInt32,
    state           LowCardinality(String),
    logical_time    DateTime64(3, 'UTC'),
    at              DateTime64(3, 'UTC') DEFAULT now64(3),
    trigger         LowCardinality(String),
    actor           String,
    project_hash    String,
    row_fingerprint String,
    input_versions  Map(String, String),
    table_name      String,
    columns         Array(Tuple(name String, type String)),
    rows            UInt64,
    entered         UInt64,
    exited          UInt64,
    dropped_keys    UInt64,
    unresolved_keys UInt64,
    checksum        UInt128,
    reason          String,
    error           String
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
PARTITION BY toYYYYMM(logical_time)
ORDER BY (kind, name, version, seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- One state of each version: what people query.
CREATE OR REPLACE VIEW `tailrace`.materializations ON CLUSTER 'prod' AS
SELECT
    id, kind, name, version,
    argMax(state, seq) AS state, max(logical_time) AS logical_time, min(at) AS queued_at, max(at) AS updated_at,
    argMax(trigger, seq) AS trigger, argMax(actor, seq) AS actor, argMax(project_hash, seq) AS project_hash,
    argMax(row_fingerprint, seq) AS row_fingerprint, argMax(input_versions, seq) AS input_versions,
    argMax(table_name, seq) AS table_name, argMax(columns, seq) AS columns,
    argMax(rows, seq) AS rows, argMax(entered, seq) AS entered, argMax(exited, seq) AS exited,
    argMax(dropped_keys, seq) AS dropped_keys, argMax(unresolved_keys, seq) AS unresolved_keys,
    argMax(checksum, seq) AS checksum, argMax(reason, seq) AS reason, argMax(error, seq) AS error
FROM `tailrace`.materialization_log
GROUP BY id, kind, name, version;

-- One enter or exit, written under a version that may not be published yet.
CREATE TABLE IF NOT EXISTS `tailrace`.audience_changes_raw ON CLUSTER 'prod'
(
    name         String,
    version      UInt64,
    key          String,
    change       LowCardinality(String),
    because      Array(LowCardinality(String)),
    logical_time DateTime64(3, 'UTC'),
    INDEX by_key key TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
PARTITION BY toYYYYMM(logical_time)
ORDER BY (name, version, key)
TTL toDateTime(logical_time) + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- One enter or exit ever, of published versions only.
CREATE OR REPLACE VIEW `tailrace`.audience_changes ON CLUSTER 'prod' AS
SELECT name, version, key, change, because, logical_time
FROM `tailrace`.audience_changes_raw
WHERE (name, version) IN (SELECT name, version FROM `tailrace`.materialization_log WHERE kind = 'audience' AND state = 'published');

