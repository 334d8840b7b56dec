/* model
description: Every event with its brand - what the server says, else whose pages it came from
owner: data@brands.example
tags: [brands]
*/
SELECT
    profile_id,
    message_id,
    coalesce(nullIf(properties.brand::Nullable(String), ''), replaceOne(source, '_web', '')) AS brand,
    event,
    timestamp,
    coalesce(properties.order_id::Nullable(String), '') AS order_id,
    toFloat64OrZero(properties.total::Nullable(String)) AS total
FROM events
WHERE type = 'track'
