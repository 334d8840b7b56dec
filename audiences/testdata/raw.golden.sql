CREATE TABLE IF NOT EXISTS `db`.`m_audience_rows_ddfd1132c995`
(
    version UInt64,
    key String,
    `spent` Nullable(Float64),
    `user_id` String,
    `odd\`name` Nullable(String)
)
ENGINE = MergeTree
PARTITION BY version
ORDER BY key
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

INSERT INTO `db`.`m_audience_rows_ddfd1132c995` (version, key, `spent`, `user_id`, `odd\`name`)
WITH
`some model` AS (
SELECT 1
),
`tailrace_rows_of_the_file` AS (
SELECT * FROM `some model`
)
SELECT toUInt64(7), ifNull(toString(r.`spent`), '') AS tailrace_key, r.`spent`, r.`user_id`, r.`odd\`name`
FROM tailrace_rows_of_the_file AS r;

-- hash: reinterpretAsUInt128(sipHash128Reference((key, ifNull(toString(`spent`), '\\N'), ifNull(toString(`user_id`), '\\N'), ifNull(toString(`odd\`name`), '\\N'), 1)))
