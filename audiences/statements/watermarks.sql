-- How far each of Tailrace's own tables is: a text that differs when rows came in.
-- Out: name, mark.
-- Why count beside max: a block may become visible after one with a later time.
SELECT 'events_raw' AS name, concat(toString(max(loaded_at)), ' ', toString(count())) AS mark FROM {{database}}.events_raw
UNION ALL
SELECT 'events_rejected', concat(toString(max(loaded_at)), ' ', toString(count())) FROM {{database}}.events_rejected
UNION ALL
SELECT 'identities', toString(max(version)) FROM {{database}}.identities
UNION ALL
SELECT 'identity_merges', toString(max(version)) FROM {{database}}.identity_merges
UNION ALL
SELECT 'consents', concat(toString(max(version)), ' ', toString(max(recorded_at))) FROM {{database}}.consents
UNION ALL
SELECT 'suppressions', concat(toString(max(version)), ' ', toString(max(recorded_at))) FROM {{database}}.suppressions
UNION ALL
SELECT 'audience_changes', toString(countIf(kind = 'audience' AND state = 'published' AND entered + exited > 0)) FROM {{database}}.materialization_log
