-- What the program creates and drops as it runs; one of each shape.
CREATE DATABASE IF NOT EXISTS `tailrace`;
CREATE TABLE IF NOT EXISTS schema_migrations
(
    version    UInt32,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree ORDER BY version
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
-- a result's table (audiences)
CREATE TABLE IF NOT EXISTS `tailrace`.`m_audience_vip_0a1b2c`
(
    version UInt64,
    key String,
    `engine` Nullable(String),
    `ordered ENGINE = MergeTree` Array(Tuple(name String, at DateTime64(3, 'UTC')))
)
ENGINE = MergeTree
PARTITION BY version
ORDER BY key
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
-- a plan's scratch table (syncs)
CREATE TABLE `tailrace`.`sync_plan_1` (row_no UInt64, op LowCardinality(String), key String) ENGINE = MergeTree ORDER BY key;
CREATE TABLE t (a UInt8) ENGINE = MergeTree() ORDER BY a;
CREATE TABLE t (a UInt8, v UInt64) ENGINE = ReplacingMergeTree(v) ORDER BY a SETTINGS non_replicated_deduplication_window = 10000;
-- views by a file's name
CREATE OR REPLACE VIEW `tailrace_project`.`vip` AS
SELECT 'ENGINE = MergeTree; DROP TABLE x' AS words FROM `tailrace`.`m_audience_vip_0a1b2c`;
DROP VIEW IF EXISTS `tailrace_project`.`vip`;
DROP TABLE IF EXISTS `tailrace`.`sync_plan_1`;
DROP DATABASE IF EXISTS `tailrace`;
EXCHANGE TABLES a.x AND a.y;
RENAME TABLE a.x TO a.y;
CREATE TEMPORARY TABLE t (a UInt8) ENGINE = Memory;
-- what a replicated table carries on itself
ALTER TABLE `tailrace`.`m_audience_vip_0a1b2c` DROP PARTITION 7;
DELETE FROM `tailrace`.`audience_changes_raw` WHERE name = 'vip';
TRUNCATE TABLE `tailrace`.`x`;
SELECT 1;
