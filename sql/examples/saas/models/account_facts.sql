/* model
description: What the CRM knows of a workspace
owner: sales@saas.example
entity: group
tags: [accounts, sales]
*/
SELECT
    a.account_id AS account_id,
    a.name AS name,
    a.status AS status,
    a.monthly_revenue AS monthly_revenue,
    s.account_seats AS seats,
    h.account_health AS health -- 0 to 100
FROM accounts AS a
INNER JOIN account_health AS h ON h.account_id = a.account_id
INNER JOIN account_seats AS s ON s.account_id = a.account_id
