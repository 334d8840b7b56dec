/* audience
description: Used four features or more, on a dozen of the last 28 days; asked to recommend the product
owner: growth@saas.example
schedule: every 15m
tags: [advocacy]
experiment: { holdout: 20%, salt: spring } # does asking bring invitations?
*/
SELECT d.profile_id AS profile_id, d.active_days_28 AS active_days, f.features AS features
FROM active_days_28 AS d
INNER JOIN features_28 AS f ON f.profile_id = d.profile_id
WHERE active_days >= 12 AND features >= 4
