/* Which rows of the selection an adoption's members are.
in:  sync_id, version (a sealed snapshot); generated: staged and matched (tables of ours), ids (of the identifiers as they are sent), fold
     (of the form that two equal identifiers share), list (membership only), row_hash
out: matched: kind matched (its key is the selection's), stranger (a key of its own), duplicate (listed twice), invalid (nothing to know it by)
why: the selection's rows are taken with every class, so that somebody who may not be sent any more is known by his key and
     taken out. What the member doesn't say (a field, a second identifier) is taken to be as the selection has it. */
INSERT INTO [[matched]] (kind, key, ids, payload, hash, ref)
SELECT kind, key, ids, payload, if(kind IN ('matched', 'stranger'), [[row_hash]], toUInt128(0)), ref
FROM
(
    SELECT multiIf(found != '' AND nth_found = 1, 'matched', named = '{}' AND (given = '' OR found != ''), 'invalid', nth_same > 1, 'duplicate', 'stranger') AS kind,
        multiIf(kind = 'matched', found, given != '' AND found = '', given, concat('adopted:', lower(hex(sipHash128Reference(named))))) AS key,
        if(kind != 'matched', named, if(arrayExists(p -> mapContains(says, p.1) AND [[fold_says]] != [[fold_was]], was), concat('{', arrayStringConcat(
            arrayMap(p -> concat(toJSONString(p.1), ':', toJSONString(if(mapContains(says, p.1), says[p.1], p.2))), was), ','), '}'), s_ids)) AS ids,
        multiIf(kind != 'matched', '{}', arrayExists(f -> mapContains(fields, f.1) AND fields[f.1] != f.3, holds), concat('{', arrayStringConcat(
            arrayMap(f -> concat(toJSONString(f.1), ':', if(mapContains(fields, f.1) AND fields[f.1] != f.3, toJSONString(fields[f.1]), f.2)), holds), ','), '}'),
            s_payload) AS payload, ref
    FROM
    (
        SELECT n, given, named, fields, ref, found, s_ids, s_payload,
            CAST(JSONExtractKeysAndValues(named, 'String'), 'Map(String, String)') AS says,
            JSONExtractKeysAndValues(s_ids, 'String') AS was,
            arrayMap(f -> (f.1, f.2, multiIf(f.2 = 'null', '', startsWith(f.2, '"'), JSONExtractString(concat('[', f.2, ']'), 1), f.2)),
                JSONExtractKeysAndValuesRaw(s_payload)) AS holds,
            row_number() OVER (PARTITION BY found ORDER BY n) AS nth_found,
            row_number() OVER (PARTITION BY given, named ORDER BY n) AS nth_same
        FROM
        (
            SELECT m.n AS n, m.given AS given, m.named AS named, m.fields AS fields, m.ref AS ref,
                s.key AS found, s.ids AS s_ids, s.payload AS s_payload
            FROM
            (
                SELECT a.n AS n, a.key AS given, [[ids]] AS named, a.fields AS fields, a.ref AS ref, if(k.found != '', k.found, a.key) AS wanted
                FROM [[staged]] AS a
                LEFT JOIN
                (
                    SELECT l.n AS n, min(r.k) AS found
                    FROM (SELECT a.n AS n, arrayJoin(JSONExtractKeysAndValues([[ids]], 'String')) AS p, p.1 AS name, [[fold_p]] AS value FROM [[staged]] AS a WHERE a.key = '') AS l
                    INNER JOIN
                    (
                        SELECT name, value, argMin(key, (reason != '', key)) AS k
                        FROM (SELECT key, toString(reason) AS reason, arrayJoin(JSONExtractKeysAndValues(ids, 'String')) AS p, p.1 AS name, [[fold_p]] AS value
                            FROM [[db]].sync_snapshot_rows WHERE sync_id = {sync_id:String} AND version = {version:UInt64})
                        GROUP BY name, value
                    ) AS r ON l.name = r.name AND l.value = r.value
                    GROUP BY l.n
                ) AS k ON a.n = k.n
            ) AS m
            LEFT ANY JOIN
            (
                SELECT key, ids, payload FROM [[db]].sync_snapshot_rows WHERE sync_id = {sync_id:String} AND version = {version:UInt64}
            ) AS s ON m.wanted = s.key
        )
    )
)
SETTINGS join_use_nulls = 0, max_bytes_before_external_sort = 268435456, max_bytes_before_external_group_by = 268435456,
    max_memory_usage = 2147483648
