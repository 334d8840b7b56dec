/* audience
description: One order of over 100 dollars, and no second one
schedule: manual
because: [one_order, big]
*/
SELECT
    profile_id,
    customer,
    concat(customer, '@cdnow.example') AS email,
    spent,
    orders = 1 AS one_order,
    spent > 100 AS big
FROM customers
WHERE orders = 1 AND spent > 100
