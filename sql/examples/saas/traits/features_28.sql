/* trait
description: How many different features somebody used in the last 28 days
owner: data@saas.example
type: number
schedule: every 1h
tags: [usage]
*/
SELECT profile_id, uniqExact(feature) AS features
FROM account_events
WHERE event = 'Feature Used' AND timestamp > now() - INTERVAL 28 DAY
GROUP BY profile_id
