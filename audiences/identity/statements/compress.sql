-- Points older merges at the final winner: whatever led to a profile that lost now leads to who won.
-- In: since_version (the first version of merges that may not be applied yet), version.
-- Repeating it changes nothing: a merge's target is never merged again within one pass.
INSERT INTO {{database}}.identity_merges (from_profile, into_profile, reason, message_id, version)
SELECT old.from_profile, new.into_profile, old.reason, old.message_id, {version:UInt64}
FROM (SELECT from_profile, into_profile, reason, message_id FROM {{database}}.identity_merges FINAL) AS old
INNER JOIN
(
    SELECT from_profile, into_profile FROM {{database}}.identity_merges FINAL WHERE version >= {since_version:UInt64}
) AS new ON old.into_profile = new.from_profile
