/* trait
description: How well a workspace does, from 0 to 100 - half for the days it is used, the rest for its people and features
owner: success@saas.example
entity: group
type: number
schedule: every 1h
tags: [accounts]
tests:
  - unique
  - sql: SELECT account_id FROM account_health WHERE account_health NOT BETWEEN 0 AND 100
*/
SELECT
    account_id,
    round(50 * least(active_days_28 / 16, 1) + 30 * least(active_users_28 / seats, 1) + 20 * least(features_28 / 4, 1)) AS account_health
FROM account_usage
