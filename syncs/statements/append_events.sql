/* The events of a window, each message once, with today's canonical profile.
in:  from, oldest; generated: which (the sync's condition), raw and columns (what the mapping reads), mine (the window, and what is carried over), more
out: message_id, profile_id and the columns
why: loaded_at bounds what is read. A message that was loaded twice counts once, as in the view events; the view itself can't
     be asked, since it would merge all history first. */
SELECT if(m.into_profile = toUUID('00000000-0000-0000-0000-000000000000'), e.profile_id, m.into_profile) AS profile_id[[columns]]
FROM
(
    SELECT * FROM
    (
        SELECT r.profile_id AS profile_id, r.loaded_at AS tr_loaded[[raw]]
        FROM [[db]].events_raw AS r
        WHERE [[which]] AND loaded_at >= {oldest:DateTime64(3, 'UTC')} AND timestamp >= {since:DateTime64(3, 'UTC')} AND [[mine]]
        [[more]]
    )
    ORDER BY tr_loaded DESC LIMIT 1 BY message_id
) AS e
LEFT ANY JOIN (SELECT from_profile, into_profile FROM [[db]].identity_merges FINAL) AS m ON e.profile_id = m.from_profile
