/* Keys whose old identifiers must not be taken out, since somebody else has them now.
in:  sync_id, version; generated: plan, fold_applied and fold_ids (identifiers in the form that equal ones share),
     old (the identifiers that the plan would take out)
out: key
why: after a merge of profiles the old key's removal would delete the person that the new key just wrote. Of several
     removals of one identifier only the first is sent. */
SELECT key FROM
(
    SELECT c.key AS key, c.op AS op, a.held AS held, a.ids AS ids, row_number() OVER (PARTITION BY a.held ORDER BY c.row_no) AS nth
    FROM (SELECT row_no, op, key FROM [[plan]] WHERE op IN ('remove', 'change')) AS c
    INNER JOIN
    (
        SELECT key, applied_ids AS ids, [[fold_applied]] AS held FROM [[db]].sync_state FINAL
        WHERE sync_id = {sync_id:String} AND key IN (SELECT key FROM [[plan]] WHERE op IN ('remove', 'change'))
    ) AS a ON c.key = a.key
    LEFT ANY JOIN
    (
        SELECT key, ids FROM [[db]].sync_snapshot_rows
        WHERE sync_id = {sync_id:String} AND version = {version:UInt64} AND reason = ''
            AND key IN (SELECT key FROM [[plan]] WHERE op = 'change')
    ) AS d ON c.key = d.key
    WHERE c.op = 'remove' OR d.ids != a.ids
)
WHERE nth > 1 OR held IN
(
    SELECT [[fold_ids]] AS taken FROM [[db]].sync_snapshot_rows
    WHERE sync_id = {sync_id:String} AND version = {version:UInt64} AND reason = '' AND taken IN ([[old]])
    UNION ALL
    SELECT [[fold_applied]] AS taken FROM [[db]].sync_state FINAL
    WHERE sync_id = {sync_id:String} AND applied_hash != 0 AND key NOT IN (SELECT key FROM [[plan]]) AND taken IN ([[old]])
)
