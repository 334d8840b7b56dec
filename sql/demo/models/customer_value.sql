/* model
description: One row per customer, with what they bought so far
owner: data@shop.example
tags: [shop]
*/
SELECT
    profile_id,
    count() AS order_count,            -- orders so far
    round(sum(total), 2) AS lifetime_value, -- sum of all orders, in the shop's currency
    min(ordered_at) AS first_order_at,
    max(ordered_at) AS last_order_at
FROM orders
GROUP BY profile_id
