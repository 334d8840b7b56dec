/* model
description: What is on the shelf, by the newest report of each article
owner: backend@shop.example
entity: none
tags: [shop]
*/
SELECT
    assumeNotNull(properties.sku::Nullable(String)) AS sku,
    argMax(toInt64OrZero(properties.quantity::Nullable(String)), timestamp) AS quantity -- pieces
FROM events
WHERE type = 'track' AND event = 'Stock Updated'
  AND properties.sku::Nullable(String) IS NOT NULL
GROUP BY sku
