-- What every part shares: deployed bundles, due slots, claims, tokens, the audit log, consent and suppression.
-- `tailrace` and `tailrace_project` are filled in by the migration runner.

-- One deployed project bundle. All roles run the newest one; the bundle holds files, never secrets.
CREATE TABLE IF NOT EXISTS `tailrace`.projects ON CLUSTER 'prod'
(
    hash         String,
    bundle       String CODEC(ZSTD(3)),
    published_at DateTime64(3, 'UTC') DEFAULT now64(3),
    published_by String
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
ORDER BY (published_at, hash)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- One due slot that was taken: (item, slot) has one job id, so a slot can't run twice.
CREATE TABLE IF NOT EXISTS `tailrace`.jobs_slots ON CLUSTER 'prod'
(
    item     String,
    slot     DateTime64(3, 'UTC'),
    job_id   String,
    taken_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
PARTITION BY toYYYYMM(slot)
ORDER BY (item, slot)
TTL toDateTime(slot) + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- Claims by append and read-back: a claimant that sees only itself under (scope, number) has it.
CREATE TABLE IF NOT EXISTS `tailrace`.jobs_claims ON CLUSTER 'prod'
(
    scope      String,
    number     UInt64,
    claim      UUID,
    worker     String,
    claimed_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
PARTITION BY toYYYYMM(claimed_at)
ORDER BY (scope, number, claim)
TTL toDateTime(claimed_at) + INTERVAL 90 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- API tokens: only the SHA-256 of the secret part is kept.
CREATE TABLE IF NOT EXISTS `tailrace`.api_tokens ON CLUSTER 'prod'
(
    id         String,
    name       String,
    role       LowCardinality(String),
    hash       String,
    created_at DateTime64(3, 'UTC'),
    created_by String,
    revoked    Bool DEFAULT false,
    version    UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', version)
ORDER BY id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- One thing that a person or token did, reading personal data included.
CREATE TABLE IF NOT EXISTS `tailrace`.audit_log ON CLUSTER 'prod'
(
    id        UUID,
    at        DateTime64(3, 'UTC'),
    actor     String,
    role      LowCardinality(String),
    action    LowCardinality(String),
    object    String,
    detail    String,
    remote_ip String
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
PARTITION BY toYYYYMM(at)
ORDER BY (at, id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- Latest consent by identifier and category. kind: profile_id, user_id, anonymous_id or email.
CREATE TABLE IF NOT EXISTS `tailrace`.consents ON CLUSTER 'prod'
(
    kind        LowCardinality(String),
    value       String,
    category    LowCardinality(String),
    status      LowCardinality(String),
    source      LowCardinality(String),
    actor       String,
    at          DateTime64(3, 'UTC'),
    recorded_at DateTime64(3, 'UTC') DEFAULT now64(3),
    version     UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', version)
ORDER BY (kind, value, category)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- Who must never be sent. A lifted suppression is the same key with active = false.
CREATE TABLE IF NOT EXISTS `tailrace`.suppressions ON CLUSTER 'prod'
(
    kind        LowCardinality(String),
    value       String,
    reason      String,
    active      Bool,
    actor       String,
    recorded_at DateTime64(3, 'UTC') DEFAULT now64(3),
    version     UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', version)
ORDER BY (kind, value)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

