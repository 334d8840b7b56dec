/* audience
description: Owners of workspaces whose trial ends within five days
owner: growth@saas.example
schedule: every 15m
tags: [onboarding]
priority: { group: lifecycle, rank: 2 }
limits: { max_shrink: 90% } # trials end
*/
SELECT
    o.profile_id AS profile_id,
    a.name AS account_name,
    a.trial_ends_at AS trial_ends_at
FROM accounts AS a
INNER JOIN owners AS o ON o.account_id = a.account_id
WHERE a.status = 'trial' AND a.trial_ends_at BETWEEN now() AND now() + INTERVAL 5 DAY
ORDER BY trial_ends_at, a.account_id
LIMIT 1 BY o.profile_id
