/* audience
description: Owners of paying workspaces that are used less than half as often as four weeks before
owner: success@saas.example
schedule: every 15m
tags: [retention]
priority: { group: lifecycle, rank: 1 } # who is at risk gets no mail about another workspace's trial
limits: { max_shrink: 80% }
*/
SELECT
    o.profile_id AS profile_id,
    a.name AS account_name,
    a.monthly_revenue AS monthly_revenue,
    u.active_days_28 AS active_days,
    u.active_days_before AS active_days_before
FROM accounts AS a
INNER JOIN account_usage AS u ON u.account_id = a.account_id
INNER JOIN owners AS o ON o.account_id = a.account_id
WHERE a.status = 'paying' AND active_days_before >= 8 AND 2 * active_days < active_days_before
ORDER BY monthly_revenue DESC, a.account_id
LIMIT 1 BY o.profile_id
