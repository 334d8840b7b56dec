/* audience
description: Signed up in the last 90 days, looked at products (also before signing up), and never ordered
owner: growth@shop.example
tags: [onboarding]
priority: { group: lifecycle, rank: 2 }        # who left a cart is reminded of it, and no more
experiment: { holdout: 10%, salt: onboarding } # does onboarding bring first orders?
because: [looked_around, filled_cart]
*/
SELECT
    profile_id,
    minIf(timestamp, event = 'Signed Up') AS signed_up_at,
    countIf(event = 'Product Viewed') AS products_viewed,
    countIf(event = 'Product Added') AS products_added,
    products_viewed > 0 AS looked_around,
    products_added > 0 AS filled_cart
FROM events
WHERE type = 'track' AND event IN ('Signed Up', 'Product Viewed', 'Product Added', 'Order Completed')
GROUP BY profile_id
HAVING countIf(event = 'Signed Up') > 0
   AND signed_up_at >= now() - INTERVAL 90 DAY
   AND products_viewed + products_added > 0
   AND countIf(event = 'Order Completed') = 0
