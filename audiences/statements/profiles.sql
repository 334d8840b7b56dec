-- One row per person: the identifiers that lead there, what identify calls said last, and each published trait.
-- In: trait_columns, trait_joins. Out: the body of the view profiles.
-- Why identities come first: a person may have events and traits without ever being identified with traits.
SELECT
    p.profile_id AS profile_id,
    if(said.user_id != '', said.user_id, p.some_user_id) AS user_id,
    p.anonymous_ids AS anonymous_ids,
    if(said.email != '', said.email, p.some_email) AS email,
    said.phone AS phone, said.first_name AS first_name, said.last_name AS last_name,
    p.first_seen_at AS first_seen_at,
    greatest(said.last_said_at, p.first_seen_at) AS last_seen_at{{trait_columns}}
FROM
(
    SELECT
        profile_id,
        argMinIf(value, i.first_seen_at, kind = 'user_id') AS some_user_id,
        groupUniqArrayIf(20)(value, kind = 'anonymous_id') AS anonymous_ids,
        argMaxIf(value, i.first_seen_at, kind = 'email') AS some_email,
        min(i.first_seen_at) AS first_seen_at
    FROM (SELECT kind, value, profile_id, first_seen_at FROM {{database}}.identities FINAL) AS i
    GROUP BY profile_id
) AS p
LEFT JOIN
(
    SELECT
        profile_id,
        argMaxIf(e.user_id, e.timestamp, e.user_id != '') AS user_id,
        argMaxIf(mail, e.timestamp, mail != '') AS email,
        argMaxIf(tel, e.timestamp, tel != '') AS phone,
        argMaxIf(given, e.timestamp, given != '') AS first_name,
        argMaxIf(family, e.timestamp, family != '') AS last_name,
        max(e.timestamp) AS last_said_at
    FROM
    (
        SELECT
            profile_id, user_id, timestamp,
            coalesce(traits.email::Nullable(String), context.traits.email::Nullable(String), '') AS mail,
            coalesce(traits.phone::Nullable(String), '') AS tel,
            coalesce(traits.firstName::Nullable(String), traits.first_name::Nullable(String), '') AS given,
            coalesce(traits.lastName::Nullable(String), traits.last_name::Nullable(String), '') AS family
        FROM {{database}}.events
        WHERE type IN ('identify', 'alias')
    ) AS e
    GROUP BY profile_id
) AS said ON said.profile_id = p.profile_id{{trait_joins}}
