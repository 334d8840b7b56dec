/* Rows of consents or suppressions with the person they are about.
in:  table, columns to carry, where
out: person (canonical profile id) and the columns; identifiers that nobody is known by have no row
why: consent and suppression may name any identifier of a person, the newest of all of them counts. */
SELECT if(m.into_profile = toUUID('00000000-0000-0000-0000-000000000000'), r.person, m.into_profile) AS person, r.* EXCEPT (person)
FROM
(
    SELECT toUUIDOrZero(value) AS person, [[columns]]
    FROM [[db]].[[table]] FINAL
    WHERE kind = 'profile_id' AND [[where]]
    UNION ALL
    SELECT i.profile_id AS person, c.* EXCEPT (kind, text)
    FROM (SELECT kind, if(kind = 'email', lowerUTF8(value), value) AS text, [[columns]]
          FROM [[db]].[[table]] FINAL WHERE kind != 'profile_id' AND [[where]]) AS c
    INNER JOIN (SELECT kind, if(kind = 'email', lowerUTF8(value), value) AS text, profile_id FROM [[db]].identities FINAL) AS i
        ON c.kind = i.kind AND c.text = i.text
) AS r
LEFT ANY JOIN (SELECT from_profile, into_profile FROM [[db]].identity_merges FINAL) AS m ON r.person = m.from_profile
WHERE person != toUUID('00000000-0000-0000-0000-000000000000')
