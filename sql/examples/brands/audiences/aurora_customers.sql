/* audience
description: Ordered at Aurora within 180 days
owner: aurora@brands.example
schedule: every 1h
tags: [suppression, aurora]
limits: { max_shrink: 10% } # a list that shrinks by mistake shows ads to customers
*/
SELECT profile_id, last_order_at, spent
FROM brand_customers
WHERE brand = 'aurora' AND last_order_at > now() - INTERVAL 180 DAY
