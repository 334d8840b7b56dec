/* audience
description: Left a cart between an hour and three days ago, and all of it is in stock
owner: growth@shop.example
schedule: every 5m
tags: [retention]
limits: { max_shrink: 90% } # carts come and go
priority: { group: lifecycle, rank: 1 }
because: [left_cart, in_stock]
*/
WITH in_carts AS
(
    SELECT profile_id, min(stock.quantity) AS fewest -- an article that nobody reports counts as sold out
    FROM (SELECT profile_id, arrayJoin(skus) AS sku FROM carts) AS cart
    LEFT JOIN stock ON stock.sku = cart.sku
    GROUP BY profile_id
)
SELECT
    c.profile_id AS profile_id,
    c.cart_id AS cart_id,
    c.cart_value AS cart_value,   -- in the shop's currency
    c.skus AS skus,               -- articles in the cart
    c.last_added_at AS last_added_at,
    true AS left_cart,
    i.fewest > 0 AS in_stock
FROM carts AS c
INNER JOIN in_carts AS i ON i.profile_id = c.profile_id
LEFT JOIN customer_value AS v ON v.profile_id = c.profile_id
WHERE c.last_added_at BETWEEN now() - INTERVAL 3 DAY AND now() - INTERVAL 1 HOUR
  AND v.last_order_at < c.last_added_at -- no order at all is 1970
  AND i.fewest > 0
