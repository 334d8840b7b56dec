/* audience
description: Looked at two of Birch's products or more in the last 30 days, and never ordered there
owner: birch@brands.example
schedule: every 15m
tags: [acquisition, birch]
priority: { group: acquisition, rank: 2 } # the brands don't bid for one person against each other
limits: { max_shrink: 80% } # interest comes and goes
*/
SELECT profile_id, products_viewed, last_viewed_at
FROM brand_interest
WHERE brand = 'birch' AND products_viewed >= 2
