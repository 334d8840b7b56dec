/* model
description: One row per order, however often it was reported
owner: data@shop.example
tags: [shop]
*/
SELECT
    coalesce(nullIf(properties.order_id::Nullable(String), ''), message_id) AS order_id,
    argMin(profile_id, timestamp) AS profile_id,
    min(timestamp) AS ordered_at,
    argMin(coalesce(toFloat64OrNull(properties.total::Nullable(String)),
                    toFloat64OrNull(properties.revenue::Nullable(String)), 0), timestamp) AS total -- in the shop's currency
FROM events
WHERE type = 'track' AND event = 'Order Completed'
GROUP BY order_id
