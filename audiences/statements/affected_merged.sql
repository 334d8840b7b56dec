-- The profiles that were merged into affected ones: their events belong to them, and they have no row of their own any more.
-- In: affected (table with the canonical ones). Out: rows (id, profile_id).
INSERT INTO {{affected}} (id, profile_id)
SELECT from_profile, into_profile FROM {{database}}.identity_merges FINAL
WHERE into_profile IN (SELECT id FROM {{affected}})
