/* audience
description: Ordered at Birch within 180 days
owner: birch@brands.example
schedule: every 1h
tags: [suppression, birch]
limits: { max_shrink: 10% } # a list that shrinks by mistake shows ads to customers
*/
SELECT profile_id, last_order_at, spent
FROM brand_customers
WHERE brand = 'birch' AND last_order_at > now() - INTERVAL 180 DAY
