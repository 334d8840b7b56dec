/* audience
description: Trial workspaces that a team uses as a habit and that spread
owner: sales@saas.example
entity: group
schedule: every 15m
tags: [sales]
because: [used_by_a_team, a_habit, spreads]
limits: { max_shrink: 80% } # trials end
tests:
  - unique
*/
SELECT
    a.account_id AS account_id,
    a.name AS name,
    a.trial_ends_at AS trial_ends_at,
    u.active_users_28 AS active_users,
    u.active_days_28 AS active_days,
    active_users >= 3 AS used_by_a_team,
    active_days >= 5 AS a_habit,
    u.invites_sent > 0 AS spreads
FROM accounts AS a
INNER JOIN account_usage AS u ON u.account_id = a.account_id
WHERE a.status = 'trial' AND used_by_a_team AND a_habit AND spreads
