-- Erasures: who asked, how far each is, and a receipt from every destination.

-- One transition of one erasure; the newest seq is its state.
-- state: requested, removing, erasing, verifying, done, manual_action_required, failed.
CREATE TABLE IF NOT EXISTS `tailrace`.erasures ON CLUSTER 'prod'
(
    erasure_id String,
    seq        UInt32,
    state      LowCardinality(String),
    at         DateTime64(3, 'UTC'),
    actor      String,
    reason     String,
    people     UInt64,
    counts     Map(String, UInt64),
    error      String
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
ORDER BY (erasure_id, seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- One identifier of the people of an erasure that isn't over; dropped with its partition when it is. Statements that
-- erase name only the erasure's id, so that no value stays behind in the engine's list of mutations.
-- kind: profile_id, user_id, anonymous_id, email, hash (of an e-mail address). marked: long or odd enough to be looked for anywhere.
CREATE TABLE IF NOT EXISTS `tailrace`.erasure_subjects ON CLUSTER 'prod'
(
    erasure_id String,
    kind       LowCardinality(String),
    value      String,
    marked     Bool
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
PARTITION BY erasure_id
ORDER BY (erasure_id, kind, value)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- What a destination held of them before anything was taken out; dropped likewise. held: it still did.
CREATE TABLE IF NOT EXISTS `tailrace`.erasure_removals ON CLUSTER 'prod'
(
    erasure_id String,
    sync_id    String,
    key        String,
    ids        String,
    payload    String,
    ref        String,
    held       Bool
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
PARTITION BY erasure_id
ORDER BY (erasure_id, sync_id, key)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- What came of an erasure at one destination. No personal data.
-- status: pending, accepted, manual_action_required.
CREATE TABLE IF NOT EXISTS `tailrace`.erasure_receipts ON CLUSTER 'prod'
(
    erasure_id  String,
    sync_id     String,
    sync        String,
    destination String,
    connector   LowCardinality(String),
    object      String,
    action      LowCardinality(String),
    status      LowCardinality(String),
    rows        UInt64,
    tries       UInt32,
    run_id      String,
    code        LowCardinality(String),
    words       String,
    at          DateTime64(3, 'UTC'),
    version     UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', version)
ORDER BY (erasure_id, sync_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- One look at one place for erased values: a column, a file, or parts that the engine hasn't deleted yet.
CREATE TABLE IF NOT EXISTS `tailrace`.erasure_checks ON CLUSTER 'prod'
(
    erasure_id String,
    place      String,
    looked_at  UInt64,
    found      UInt64,
    at         DateTime64(3, 'UTC')
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
ORDER BY (erasure_id, at, place)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- The key of keyed hashes: who was erased stays suppressed by SHA-256 over key, kind and value. The oldest row counts.
CREATE TABLE IF NOT EXISTS `tailrace`.privacy_keys ON CLUSTER 'prod'
(
    secret     String,
    created_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
ORDER BY created_at
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

