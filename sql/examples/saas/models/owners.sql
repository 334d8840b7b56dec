/* model
description: Who created which workspace; the person to write to
owner: data@saas.example
entity: none
tags: [accounts]
*/
SELECT account_id, argMin(profile_id, timestamp) AS profile_id
FROM account_events
WHERE event = 'Workspace Created'
GROUP BY account_id
