CREATE TABLE IF NOT EXISTS `db`.`m_audience_crm_b0531eba350e`
(
    version UInt64,
    key String,
    `profile_id` UUID,
    `user_id` String,
    `spent` Nullable(Float64),
    `odd\`name` Nullable(String)
)
ENGINE = MergeTree
PARTITION BY version
ORDER BY key
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

INSERT INTO `db`.`m_audience_crm_b0531eba350e` (version, key, `profile_id`, `user_id`, `spent`, `odd\`name`)
WITH
`some model` AS (
SELECT 1
),
`tailrace_rows_of_the_file` AS (
SELECT * FROM `some model`
)
SELECT toUInt64(7), if(has({blocked:Array(String)}, lowerUTF8(trimBoth(ifNull(toString(r.`user_id`), ''), ' \t\r\n\f\v'))), '', toString(if(i.value = '', arrayMap(h -> toUUID(concat(substring(h, 1, 8), '-', substring(h, 9, 4), '-5', substring(h, 14, 3), '-', substring('89ab', reinterpretAsUInt8(unhex(concat('0', substring(h, 17, 1)))) % 4 + 1, 1), substring(h, 18, 3), '-', substring(h, 21, 12))), [lower(hex(SHA1(concat(unhex('5f1b0c0e7a1e5a649d3c7461696c7261'), 'user_id', ':', ifNull(toString(r.`user_id`), '')))))])[1], i.profile_id))) AS tailrace_key, toUUIDOrZero(tailrace_key), r.`user_id`, r.`spent`, r.`odd\`name`
FROM tailrace_rows_of_the_file AS r
LEFT JOIN (SELECT value, profile_id FROM `db`.`identities` FINAL WHERE kind = {kind:String}) AS i ON i.value = ifNull(toString(r.`user_id`), '')
LIMIT 1001;

-- hash: reinterpretAsUInt128(sipHash128Reference((key, ifNull(toString(`profile_id`), '\\N'), ifNull(toString(`user_id`), '\\N'), ifNull(toString(`spent`), '\\N'), ifNull(toString(`odd\`name`), '\\N'), 1)))
