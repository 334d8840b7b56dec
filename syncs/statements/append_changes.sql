/* The enters and exits of a window.
in:  oldest, from, since; generated: name (of the audience), since (from when on versions are looked at), mine (the window, and what is carried over)
out: tr_id and the columns of an enter or exit
why: only published versions count, and when a version was published is when its changes were loaded. */
SELECT c.tr_id AS tr_id, c.profile_id AS profile_id, c.audience AS audience, c.version AS version, c.change AS change, c.because AS because, c.logical_time AS logical_time
FROM
(
    SELECT concat(name, ':', toString(version), ':', toString(change), ':', key) AS tr_id, key AS profile_id, name AS audience, version, change, because, logical_time
    FROM [[db]].audience_changes_raw
    WHERE name = [[name]] AND logical_time >= {since:DateTime64(3, 'UTC')} AND version IN
        (SELECT version FROM [[db]].materialization_log WHERE kind = 'audience' AND name = [[name]] AND state = 'published' AND at >= [[since]])
) AS c
INNER JOIN
(
    SELECT version, min(at) AS published FROM [[db]].materialization_log
    WHERE kind = 'audience' AND name = [[name]] AND state = 'published' AND at >= [[since]]
    GROUP BY version
) AS l ON c.version = l.version
WHERE [[mine]]
LIMIT 1 BY tr_id
