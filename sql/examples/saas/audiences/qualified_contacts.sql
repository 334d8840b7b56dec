/* audience
description: Who to call about a qualified workspace
owner: sales@saas.example
schedule: { after: [product_qualified_accounts] }
tags: [sales]
limits: { max_shrink: 80% }
*/
SELECT
    o.profile_id AS profile_id,
    q.name AS account_name,
    q.active_users AS active_users,
    h.account_health AS health
FROM product_qualified_accounts AS q
INNER JOIN owners AS o ON o.account_id = q.account_id
INNER JOIN account_health AS h ON h.account_id = q.account_id
ORDER BY health DESC, q.account_id
LIMIT 1 BY o.profile_id -- the best one of those who have several
