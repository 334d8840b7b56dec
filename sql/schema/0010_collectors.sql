-- Each collector that has a log, so that an erasure can wait until its files are gone. The newest version wins.
-- gone: it ended with an empty log.
CREATE TABLE IF NOT EXISTS {{database}}.collectors
(
    collector_id String,
    host         String,
    seen_at      DateTime64(3, 'UTC'),
    gone         Bool,
    version      UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY collector_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

-- One collector has loaded what it had accepted before a round of an erasure began, and deleted the files that held it.
CREATE TABLE IF NOT EXISTS {{database}}.erasure_logs
(
    erasure_id   String,
    round        UInt64,
    collector_id String,
    at           DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (erasure_id, round, collector_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;
