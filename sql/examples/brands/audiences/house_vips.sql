/* audience
description: Bought from two brands or more, for over 150 in total
owner: growth@brands.example
tags: [house]
experiment: { holdout: 20%, salt: house } # do the mails sell anything?
*/
SELECT profile_id, brands, house_value, last_seen_at
FROM house_customers
WHERE length(brands) >= 2 AND house_value > 150
