/* audience
description: Bought at Birch, and nothing there for 90 days
owner: birch@brands.example
schedule: every 1h
tags: [retention, birch]
limits: { max_shrink: 50% }
*/
SELECT profile_id, last_order_at, spent
FROM brand_customers
WHERE brand = 'birch' AND last_order_at < now() - INTERVAL 90 DAY
