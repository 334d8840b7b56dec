/* model
description: One row per customer, with recency, frequency and monetary value
*/
SELECT
    profile_id,
    any(user_id) AS customer,
    count() AS orders,                                                      -- frequency
    sum(toDecimal64(properties.total::String, 2)) AS spent,                 -- monetary value, in dollars; by its digits
    max(timestamp) AS last_order_at,
    dateDiff('day', max(timestamp), (SELECT max(timestamp) FROM events)) AS days_quiet -- recency, at the log's last day
FROM events
WHERE event = 'Order Completed'
GROUP BY profile_id
