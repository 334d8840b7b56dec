/* model
description: Who looked at which brand's products in the last 30 days, and never ordered there
owner: data@brands.example
tags: [brands]
*/
SELECT
    profile_id,
    brand,
    count() AS products_viewed,
    max(timestamp) AS last_viewed_at
FROM brand_events
WHERE event = 'Product Viewed' AND timestamp > now() - INTERVAL 30 DAY
  AND (profile_id, brand) NOT IN (SELECT profile_id, brand FROM brand_customers)
GROUP BY profile_id, brand
