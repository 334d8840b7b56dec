-- What the program creates and drops as it runs; one of each shape.
CREATE DATABASE IF NOT EXISTS `tailrace` ON CLUSTER 'prod';

CREATE TABLE IF NOT EXISTS schema_migrations ON CLUSTER 'prod'
(
    version    UInt32,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}') ORDER BY version
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- a result's table (audiences)
CREATE TABLE IF NOT EXISTS `tailrace`.`m_audience_vip_0a1b2c` ON CLUSTER 'prod'
(
    version UInt64,
    key String,
    `engine` Nullable(String),
    `ordered ENGINE = MergeTree` Array(Tuple(name String, at DateTime64(3, 'UTC')))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
PARTITION BY version
ORDER BY key
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- a plan's scratch table (syncs)
CREATE TABLE `tailrace`.`sync_plan_1` ON CLUSTER 'prod' (row_no UInt64, op LowCardinality(String), key String) ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}') ORDER BY key;

CREATE TABLE t ON CLUSTER 'prod' (a UInt8) ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}') ORDER BY a;

CREATE TABLE t ON CLUSTER 'prod' (a UInt8, v UInt64) ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', v) ORDER BY a SETTINGS replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 10000;

-- views by a file's name
CREATE OR REPLACE VIEW `tailrace_project`.`vip` ON CLUSTER 'prod' AS
SELECT 'ENGINE = MergeTree; DROP TABLE x' AS words FROM `tailrace`.`m_audience_vip_0a1b2c`;

DROP VIEW IF EXISTS `tailrace_project`.`vip` ON CLUSTER 'prod';

DROP TABLE IF EXISTS `tailrace`.`sync_plan_1` ON CLUSTER 'prod';

DROP DATABASE IF EXISTS `tailrace` ON CLUSTER 'prod';

EXCHANGE TABLES a.x AND a.y ON CLUSTER 'prod';

RENAME TABLE a.x TO a.y ON CLUSTER 'prod';

CREATE TEMPORARY TABLE t (a UInt8) ENGINE = Memory;

-- what a replicated table carries on itself
ALTER TABLE `tailrace`.`m_audience_vip_0a1b2c` DROP PARTITION 7;

DELETE FROM `tailrace`.`audience_changes_raw` WHERE name = 'vip';

TRUNCATE TABLE `tailrace`.`x`;

SELECT 1;

