/* model
description: One row per customer of the house, whatever the brand
owner: service@brands.example
tags: [house]
*/
SELECT
    profile_id,
    arraySort(groupArray(brand)) AS brands,
    sum(order_count) AS orders,
    round(sum(spent), 2) AS house_value, -- in the house's currency
    max(last_order_at) AS last_seen_at
FROM brand_customers
GROUP BY profile_id
