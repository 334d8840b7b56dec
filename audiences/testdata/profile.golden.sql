CREATE TABLE IF NOT EXISTS `db`.`m_audience_vip_d36e554eb2dc`
(
    version UInt64,
    key String,
    `profile_id` UUID,
    `spent` Nullable(Float64),
    `odd\`name` Nullable(String)
)
ENGINE = MergeTree
PARTITION BY version
ORDER BY key
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

INSERT INTO `db`.`m_audience_vip_d36e554eb2dc` (version, key, `profile_id`, `spent`, `odd\`name`)
WITH
`some model` AS (
SELECT 1
),
`tailrace_rows_of_the_file` AS (
SELECT * FROM `some model`
)
SELECT toUInt64(7), if(ifNull(toString(r.`profile_id`), '') = '00000000-0000-0000-0000-000000000000', '', ifNull(toString(r.`profile_id`), '')) AS tailrace_key, r.`profile_id`, r.`spent`, r.`odd\`name`
FROM tailrace_rows_of_the_file AS r;

-- hash: reinterpretAsUInt128(sipHash128Reference((key, ifNull(toString(`profile_id`), '\\N'), ifNull(toString(`spent`), '\\N'), ifNull(toString(`odd\`name`), '\\N'), 1)))
