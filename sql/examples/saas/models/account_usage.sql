/* model
description: How much a workspace is used, now and four weeks before
owner: data@saas.example
entity: group
tags: [accounts]
*/
SELECT
    account_id,
    uniqExact(profile_id) AS seats, -- people who were ever in it
    uniqExactIf(profile_id, event = 'Feature Used' AND timestamp > now() - INTERVAL 28 DAY) AS active_users_28,
    uniqExactIf(toDate(timestamp), event = 'Feature Used' AND timestamp > now() - INTERVAL 28 DAY) AS active_days_28,
    uniqExactIf(toDate(timestamp), event = 'Feature Used' AND timestamp BETWEEN now() - INTERVAL 56 DAY AND now() - INTERVAL 28 DAY) AS active_days_before,
    uniqExactIf(feature, event = 'Feature Used' AND timestamp > now() - INTERVAL 28 DAY) AS features_28,
    countIf(event = 'Invite Sent') AS invites_sent
FROM account_events
GROUP BY account_id
