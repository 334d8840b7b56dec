-- Events as accepted, what was refused, and who is who.

-- One accepted event. Partition and order derive only from what the client sent (a retry may arrive in
-- another month, with another clock correction, or after the person became known), so that a duplicate
-- always meets its twin. stable_time is original_timestamp inside 2000-2100, else 1970-01-01.
CREATE TABLE IF NOT EXISTS `tailrace`.events_raw ON CLUSTER 'prod'
(
    message_id         String,
    source             LowCardinality(String),
    type               LowCardinality(String),
    event              LowCardinality(String),
    name               String,
    user_id            String,
    anonymous_id       String,
    group_id           String,
    profile_id         UUID,
    timestamp          DateTime64(3, 'UTC'),
    original_timestamp DateTime64(3, 'UTC'),
    stable_time        DateTime64(3, 'UTC'),
    sent_at            Nullable(DateTime64(3, 'UTC')),
    received_at        DateTime64(3, 'UTC'),
    loaded_at          DateTime64(3, 'UTC') DEFAULT now64(3),
    context            JSON,
    properties         JSON,
    traits             JSON,
    payload            String CODEC(ZSTD(1)),
    INDEX by_loaded loaded_at TYPE minmax GRANULARITY 1,
    INDEX by_message message_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_profile profile_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
PARTITION BY toYYYYMM(stable_time)
ORDER BY (event, toDate(stable_time), if(user_id != '', user_id, anonymous_id), message_id)
SETTINGS min_bytes_for_wide_part = 1000000000, fsync_after_insert = 1, fsync_part_directory = 1,
         replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- One event that was refused: the dead letter, with the reason and the bytes as received.
CREATE TABLE IF NOT EXISTS `tailrace`.events_rejected ON CLUSTER 'prod'
(
    id          UUID,
    source      LowCardinality(String),
    reason      LowCardinality(String),
    rule        String,
    pointer     String,
    message_id  String,
    received_at DateTime64(3, 'UTC'),
    loaded_at   DateTime64(3, 'UTC') DEFAULT now64(3),
    payload     String CODEC(ZSTD(1))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
PARTITION BY toYYYYMM(received_at)
ORDER BY (received_at, id)
TTL toDateTime(received_at) + INTERVAL 90 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- One tracking-plan violation, also of events that were let through.
CREATE TABLE IF NOT EXISTS `tailrace`.violations ON CLUSTER 'prod'
(
    message_id  String,
    source      LowCardinality(String),
    event       LowCardinality(String),
    rule        String,
    pointer     String,
    words       String,
    received_at DateTime64(3, 'UTC'),
    loaded_at   DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
PARTITION BY toYYYYMM(received_at)
ORDER BY (source, event, received_at)
TTL toDateTime(received_at) + INTERVAL 90 DAY
SETTINGS replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- One identifier and its canonical profile. kind: user_id, anonymous_id, email.
-- version: the identity run's number, then its sequence; the newest row of (kind, value) wins.
CREATE TABLE IF NOT EXISTS `tailrace`.identities ON CLUSTER 'prod'
(
    kind          LowCardinality(String),
    value         String,
    profile_id    UUID,
    first_seen_at DateTime64(3, 'UTC'),
    recorded_at   DateTime64(3, 'UTC') DEFAULT now64(3),
    version       UInt64,
    INDEX by_profile profile_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', version)
ORDER BY (kind, value)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- One profile that was merged into an older one, always its final canonical profile (never a chain), and why.
CREATE TABLE IF NOT EXISTS `tailrace`.identity_merges ON CLUSTER 'prod'
(
    from_profile UUID,
    into_profile UUID,
    reason       LowCardinality(String),
    message_id   String,
    recorded_at  DateTime64(3, 'UTC') DEFAULT now64(3),
    version      UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', version)
ORDER BY from_profile
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- One link that was refused: a blocked value, or a profile that would exceed the limit of identifiers.
CREATE TABLE IF NOT EXISTS `tailrace`.identity_refusals ON CLUSTER 'prod'
(
    kind        LowCardinality(String),
    value       String,
    profile_id  UUID,
    reason      LowCardinality(String),
    message_id  String,
    recorded_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
ORDER BY (recorded_at, kind, value)
TTL toDateTime(recorded_at) + INTERVAL 400 DAY
SETTINGS replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- How far identity resolution has read: one row a finished pass; the newest wins.
CREATE TABLE IF NOT EXISTS `tailrace`.identity_passes ON CLUSTER 'prod'
(
    pass       UInt64,
    until      DateTime64(3, 'UTC'),
    links      UInt64,
    merges     UInt64,
    refused    UInt64,
    at         DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
ORDER BY pass
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- The events that users query: each message id once, each with today's canonical profile.
CREATE OR REPLACE VIEW `tailrace`.events ON CLUSTER 'prod' AS
SELECT
    e.message_id AS message_id, e.source AS source, e.type AS type, e.event AS event, e.name AS name,
    e.user_id AS user_id, e.anonymous_id AS anonymous_id, e.group_id AS group_id,
    if(m.into_profile = toUUID('00000000-0000-0000-0000-000000000000'), e.profile_id, m.into_profile) AS profile_id,
    e.timestamp AS timestamp, e.original_timestamp AS original_timestamp, e.sent_at AS sent_at,
    e.received_at AS received_at, e.loaded_at AS loaded_at,
    e.context AS context, e.properties AS properties, e.traits AS traits, e.payload AS payload
FROM `tailrace`.events_raw AS e FINAL
LEFT ANY JOIN (SELECT from_profile, into_profile FROM `tailrace`.identity_merges FINAL) AS m
    ON e.profile_id = m.from_profile
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- One row per person: what identify calls said last, and the identifiers that lead there. The audiences
-- package adds a column per published trait when it publishes one.
CREATE OR REPLACE VIEW `tailrace`.profiles ON CLUSTER 'prod' AS
SELECT
    profile_id,
    argMaxIf(user_id, timestamp, user_id != '') AS user_id,
    groupUniqArrayIf(20)(anonymous_id, anonymous_id != '') AS anonymous_ids,
    argMaxIf(coalesce(traits.email::Nullable(String), context.traits.email::Nullable(String), ''), timestamp,
        coalesce(traits.email::Nullable(String), context.traits.email::Nullable(String), '') != '') AS email,
    argMaxIf(coalesce(traits.phone::Nullable(String), ''), timestamp, coalesce(traits.phone::Nullable(String), '') != '') AS phone,
    argMaxIf(coalesce(traits.firstName::Nullable(String), traits.first_name::Nullable(String), ''), timestamp,
        coalesce(traits.firstName::Nullable(String), traits.first_name::Nullable(String), '') != '') AS first_name,
    argMaxIf(coalesce(traits.lastName::Nullable(String), traits.last_name::Nullable(String), ''), timestamp,
        coalesce(traits.lastName::Nullable(String), traits.last_name::Nullable(String), '') != '') AS last_name,
    min(timestamp) AS first_seen_at,
    max(timestamp) AS last_seen_at
FROM `tailrace`.events
WHERE type IN ('identify', 'alias') AND profile_id != toUUID('00000000-0000-0000-0000-000000000000')
GROUP BY profile_id;

