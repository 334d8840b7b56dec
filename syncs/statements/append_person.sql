/* Who the events of a range of a plan are about: a join behind rows s with a key.
in:  sync_id, run_no, plan_id, first, last, oldest
out: v: key, person, user_id, anonymous_id */
LEFT ANY JOIN
(
    SELECT e.message_id AS key, e.user_id AS user_id, e.anonymous_id AS anonymous_id,
        if(m.into_profile = toUUID('00000000-0000-0000-0000-000000000000'), e.profile_id, m.into_profile) AS person
    FROM
    (
        SELECT message_id, user_id, anonymous_id, profile_id FROM [[db]].events_raw
        WHERE type = 'track' AND loaded_at >= {oldest:DateTime64(3, 'UTC')} AND message_id IN
            (SELECT key FROM [[db]].sync_changes
             WHERE sync_id = {sync_id:String} AND run_no = {run_no:UInt64} AND plan_id = {plan_id:String} AND row_no BETWEEN {first:UInt64} AND {last:UInt64})
        LIMIT 1 BY message_id
    ) AS e
    LEFT ANY JOIN (SELECT from_profile, into_profile FROM [[db]].identity_merges FINAL) AS m ON e.profile_id = m.from_profile
) AS v ON v.key = s.key
