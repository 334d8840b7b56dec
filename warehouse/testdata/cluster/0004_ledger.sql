-- The delivery ledger. Nothing counts by being there: a plan counts by its seal, a run by its newest transition.
-- Migrations of these tables only add; order and partition keys never change. docs/decisions.md says why.

-- One sync and the opaque id that its state hangs on; renames move the name, never the id.
CREATE TABLE IF NOT EXISTS `tailrace`.sync_definitions ON CLUSTER 'prod'
(
    sync_id         String,
    name            String,
    definition      String,
    definition_hash String,
    destination     String,
    identity        String,
    standin         Bool,
    status          LowCardinality(String),
    paused          Bool,
    first_seen_at   DateTime64(3, 'UTC'),
    recorded_at     DateTime64(3, 'UTC') DEFAULT now64(3),
    actor           String,
    version         UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', version)
ORDER BY sync_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- One transition of a run. The newest seq of (sync_id, run_no) wins.
CREATE TABLE IF NOT EXISTS `tailrace`.sync_runs ON CLUSTER 'prod'
(
    sync_id         String,
    run_no          UInt64,
    run_id          String,
    seq             UInt32,
    state           LowCardinality(String),
    at              DateTime64(3, 'UTC') DEFAULT now64(3),
    trigger         LowCardinality(String),
    actor           String,
    dry_run         Bool,
    full            Bool,
    full_reason     String,
    plan_id         String,
    plan_digest     String,
    state_run_no    UInt64,
    project_hash    String,
    definition_hash String,
    input_versions  Map(String, String),
    counts          Map(String, UInt64),
    timings_ms      Map(String, UInt64),
    reason          String,
    error           String,
    INDEX by_run run_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
PARTITION BY toYYYYMM(at)
ORDER BY (sync_id, run_no, seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- The selection of one run, every row of it with its class: reason = '' is in, anything else is why it was left out.
-- One partition a snapshot, dropped when a newer one is sealed and the run that used it is over.
CREATE TABLE IF NOT EXISTS `tailrace`.sync_snapshot_rows ON CLUSTER 'prod'
(
    sync_id String,
    version UInt64,
    reason  LowCardinality(String),
    key     String,
    hash    UInt128,
    ids     String,
    payload String
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
PARTITION BY (sync_id, version)
ORDER BY (reason, key)
SETTINGS fsync_part_directory = 1;

-- One published snapshot: a version counts once this row exists.
CREATE TABLE IF NOT EXISTS `tailrace`.sync_snapshots ON CLUSTER 'prod'
(
    sync_id        String,
    version        UInt64,
    run_no         UInt64,
    encoding       UInt16,
    rows_in        UInt64,
    checksum       UInt128,
    left_out       Map(String, UInt64),
    input_versions Map(String, String),
    definition_hash String,
    at             DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
PARTITION BY toYYYYMM(at)
ORDER BY (sync_id, version)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- One change of a plan. row_no runs over removes, then changes, then adds, each by key; so every batch of
-- one action is a contiguous range. ids and payloads are canonical JSON text (docs/decisions.md).
CREATE TABLE IF NOT EXISTS `tailrace`.sync_changes ON CLUSTER 'prod'
(
    sync_id        String,
    run_no         UInt64,
    plan_id        String,
    planned_at     DateTime64(3, 'UTC'),
    row_no         UInt64,
    op             LowCardinality(String),
    moved          Bool,
    key            String,
    ids_before     String,
    ids_after      String,
    payload_before String CODEC(ZSTD(1)),
    payload_after  String CODEC(ZSTD(1)),
    changed_fields Array(LowCardinality(String)),
    hash_before    UInt128,
    hash_after     UInt128,
    ref            String,
    row_hash       UInt128,
    INDEX by_key key TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
PARTITION BY toYYYYMM(planned_at)
ORDER BY (sync_id, run_no, plan_id, row_no)
TTL toDateTime(planned_at) + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- One batch of a plan: a sealed batch is one request.
CREATE TABLE IF NOT EXISTS `tailrace`.sync_batches ON CLUSTER 'prod'
(
    sync_id    String,
    run_no     UInt64,
    plan_id    String,
    planned_at DateTime64(3, 'UTC'),
    batch_no   UInt32,
    phase      UInt8,
    action     LowCardinality(String),
    first_row  UInt64,
    last_row   UInt64,
    rows       UInt32,
    bytes      UInt64,
    digest     String
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
PARTITION BY toYYYYMM(planned_at)
ORDER BY (sync_id, run_no, plan_id, batch_no)
TTL toDateTime(planned_at) + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- One sealed plan. A plan without its seal is garbage.
CREATE TABLE IF NOT EXISTS `tailrace`.sync_seals ON CLUSTER 'prod'
(
    sync_id    String,
    run_no     UInt64,
    plan_id    String,
    generation UInt32,
    rows       UInt64,
    batches    UInt32,
    digest     String,
    at         DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
PARTITION BY toYYYYMM(at)
ORDER BY (sync_id, run_no, plan_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- One attempt to send (a part of) a batch: durable before the request leaves.
-- part is '' for the whole batch, then 0 and 1 for its halves, 00, 01 … for theirs.
CREATE TABLE IF NOT EXISTS `tailrace`.sync_intents ON CLUSTER 'prod'
(
    sync_id   String,
    run_no    UInt64,
    plan_id   String,
    batch_no  UInt32,
    part      String,
    attempt   UInt32,
    first_row UInt64,
    last_row  UInt64,
    rows      Array(UInt64),
    send_key  String,
    worker    String,
    deadline  DateTime64(3, 'UTC'),
    at        DateTime64(3, 'UTC')
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
PARTITION BY toYYYYMM(at)
ORDER BY (sync_id, run_no, plan_id, batch_no, part, attempt)
TTL toDateTime(at) + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- One batch that a vendor took for later.
CREATE TABLE IF NOT EXISTS `tailrace`.sync_tickets ON CLUSTER 'prod'
(
    sync_id    String,
    run_no     UInt64,
    plan_id    String,
    batch_no   UInt32,
    part       String,
    attempt    UInt32,
    ticket     String,
    not_before DateTime64(3, 'UTC'),
    expires    DateTime64(3, 'UTC'),
    closed     Bool,
    at         DateTime64(3, 'UTC'),
    version    UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', version)
PARTITION BY toYYYYMM(at)
ORDER BY (sync_id, run_no, plan_id, batch_no, part, attempt)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- The outcome of one row of one attempt: the one thing written when an answer arrives.
-- status: accepted, rejected, skipped, moved, suppressed, unknown, deferred (surely not applied, to be tried again).
CREATE TABLE IF NOT EXISTS `tailrace`.sync_outcomes ON CLUSTER 'prod'
(
    sync_id  String,
    run_no   UInt64,
    plan_id  String,
    row_no   UInt64,
    batch_no UInt32,
    part     String,
    attempt  UInt32,
    seq      UInt64,
    key      String,
    status   LowCardinality(String),
    ref      String,
    code     LowCardinality(String),
    field    LowCardinality(String),
    words    String,
    by       String,
    at       DateTime64(3, 'UTC')
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
PARTITION BY toYYYYMM(at)
ORDER BY (sync_id, run_no, plan_id, row_no, batch_no, attempt)
TTL toDateTime(at) + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- What the destination holds for one key: a fold of the outcomes, written at Finish.
-- applied_hash = 0: nothing is held (never sent, or its removal was accepted).
-- version = run_no << 32 | sequence in the run, never the clock.
CREATE TABLE IF NOT EXISTS `tailrace`.sync_state ON CLUSTER 'prod'
(
    sync_id         String,
    key             String,
    applied_hash    UInt128,
    applied_ids     String,
    applied_payload String CODEC(ZSTD(1)),
    encoding        UInt16,
    ref             String,
    applied_at      Nullable(DateTime64(3, 'UTC')),
    last_status     LowCardinality(String),
    last_op         LowCardinality(String),
    last_hash       UInt128,
    last_run_no     UInt64,
    last_code       LowCardinality(String),
    last_words      String,
    fails           UInt32,
    version         UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', version)
PARTITION BY sync_id
ORDER BY (sync_id, key)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- One request and its answer, for people; never read by the protocol.
CREATE TABLE IF NOT EXISTS `tailrace`.sync_exchanges ON CLUSTER 'prod'
(
    sync_id          String,
    run_no           UInt64,
    plan_id          String,
    batch_no         UInt32,
    part             String,
    attempt          UInt32,
    first_row        UInt64,
    last_row         UInt64,
    method           LowCardinality(String),
    path             String,
    request_headers  Map(String, String),
    request_body     String CODEC(ZSTD(3)),
    status           UInt16,
    response_headers Map(String, String),
    response_body    String CODEC(ZSTD(3)),
    error            String,
    duration_ms      UInt32,
    standin          Bool,
    at               DateTime64(3, 'UTC')
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
PARTITION BY toYYYYMM(at)
ORDER BY (sync_id, run_no, batch_no, part, attempt)
TTL toDateTime(at) + INTERVAL 90 DAY
SETTINGS replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- One quarantined row: the permanent error, first and last time, tries.
CREATE TABLE IF NOT EXISTS `tailrace`.sync_dead ON CLUSTER 'prod'
(
    sync_id       String,
    key           String,
    payload_hash  UInt128,
    code          LowCardinality(String),
    words         String,
    first_at      DateTime64(3, 'UTC'),
    last_at       DateTime64(3, 'UTC'),
    tries         UInt32,
    released      Bool,
    version       UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', version)
PARTITION BY sync_id
ORDER BY (sync_id, key)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

