/* audience
description: Spent over 200 in total and ordered nothing for 60 days
owner: growth@shop.example
schedule: every 15m
tags: [retention]
limits: { max_shrink: 50% }
because: [big_spender, lapsed]
tests:
  - unique
  - not_null: last_order_at
*/
SELECT
    profile_id,
    lifetime_value,                                      -- sum of all orders
    last_order_at,                                       -- newest order
    lifetime_value > 200 AS big_spender,
    last_order_at < now() - INTERVAL 60 DAY AS lapsed
FROM customer_value
WHERE lifetime_value > 200 AND last_order_at < now() - INTERVAL 60 DAY
