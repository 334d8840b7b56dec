-- How far events and merges are, and what is left of what was read before.
-- In: lookback (ms), loaded, until (ms; of the version before, 0 for none). Out: newest (ms), old, recent, old_now, recent_now, merges.
-- Why counts: a version that is computed of new events alone is right only if none of the others went away or came late.
WITH
    (SELECT toUnixTimestamp64Milli(max(loaded_at)) FROM {{database}}.events_raw) AS newest_ms,
    newest_ms - {lookback:Int64} AS from_ms
SELECT
    toInt64(assumeNotNull(newest_ms)) AS newest,
    countIf(toUnixTimestamp64Milli(loaded_at) <= from_ms) AS old,
    countIf(toUnixTimestamp64Milli(loaded_at) > from_ms AND toUnixTimestamp64Milli(loaded_at) <= newest_ms) AS recent,
    countIf(toUnixTimestamp64Milli(loaded_at) <= {until:Int64}) AS old_now,
    countIf(toUnixTimestamp64Milli(loaded_at) > {until:Int64} AND toUnixTimestamp64Milli(loaded_at) <= {loaded:Int64}) AS recent_now,
    (SELECT max(version) FROM {{database}}.identity_merges) AS merges
FROM {{database}}.events_raw
