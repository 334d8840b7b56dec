/* trait
description: On how many of the last 28 days somebody used the product
owner: data@saas.example
type: number
schedule: every 1h
tags: [usage]
*/
SELECT profile_id, uniqExact(toDate(timestamp)) AS active_days_28
FROM account_events
WHERE event = 'Feature Used' AND timestamp > now() - INTERVAL 28 DAY
GROUP BY profile_id
