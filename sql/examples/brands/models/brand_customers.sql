/* model
description: One row per customer and brand
owner: data@brands.example
tags: [brands]
*/
SELECT
    profile_id,
    brand,
    uniqExact(order_id) AS order_count,
    round(sum(total), 2) AS spent,
    max(timestamp) AS last_order_at
FROM (SELECT * FROM brand_events WHERE event = 'Order Completed' ORDER BY timestamp LIMIT 1 BY order_id) AS orders
GROUP BY profile_id, brand
