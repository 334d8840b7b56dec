/* model
description: One row per workspace, with its plan and where it stands
owner: data@saas.example
entity: group
tags: [accounts]
*/
SELECT
    account_id,
    argMaxIf(account_name, timestamp, account_name != '') AS name,
    minIf(timestamp, event = 'Workspace Created') AS created_at,
    created_at + INTERVAL 14 DAY AS trial_ends_at,
    maxIf(timestamp, event = 'Subscription Started') AS subscribed_at,   -- 1970 is never
    maxIf(timestamp, event = 'Subscription Cancelled') AS cancelled_at,  -- 1970 is never
    argMaxIf(plan, timestamp, event = 'Subscription Started') AS paid_plan,
    multiIf(cancelled_at > subscribed_at, 'cancelled', paid_plan != '', 'paying', 'trial') AS status,
    if(status = 'paying', argMaxIf(mrr, timestamp, event = 'Subscription Started'), 0) AS monthly_revenue
FROM account_events
GROUP BY account_id
HAVING countIf(event = 'Workspace Created') > 0
