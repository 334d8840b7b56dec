-- The ties that events of the window name, whether their identifiers are one profile already or not.
-- In: recent.sql's parameters. Out: reason, a and b (kind and value each), said (the earliest time and event).
SELECT tie.1 AS reason, tie.2 AS a, tie.3 AS b, min((seen, message_id)) AS said
FROM ({{recent}})
ARRAY JOIN multiIf(
    type = 'identify', [
        ('identify', ('user_id', user_id), ('anonymous_id', anonymous_id)),
        ('identify', if(user_id != '', ('user_id', user_id), ('anonymous_id', anonymous_id)), ('email', email))],
    [
        ('alias', ('user_id', user_id), ('anonymous_id', anonymous_id)),
        ('alias', if(user_id != '', ('user_id', user_id), ('anonymous_id', anonymous_id)), ('user_id', previous_id)),
        ('alias', if(user_id != '', ('user_id', user_id), ('anonymous_id', anonymous_id)), ('anonymous_id', previous_id))]) AS tie
WHERE type IN ('identify', 'alias') AND a.2 != '' AND b.2 != '' AND a != b
GROUP BY reason, a, b
