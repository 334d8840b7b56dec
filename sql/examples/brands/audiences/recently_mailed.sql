/* audience
description: Got two mails or more within seven days, of whatever brand
owner: growth@brands.example
schedule: every 15m
tags: [frequency]
limits: { max_shrink: 100% } # it empties by itself
*/
SELECT profile_id, count() AS mails
FROM brand_events
WHERE event = 'Email Sent' AND timestamp > now() - INTERVAL 7 DAY
GROUP BY profile_id
HAVING mails >= 2
