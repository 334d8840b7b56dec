/* audience
description: Used to order often, and has been quiet for half a year
schedule: manual
because: [frequent, quiet]
*/
SELECT
    profile_id,
    customer,
    concat(customer, '@cdnow.example') AS email,
    orders,
    spent,
    orders >= 4 AS frequent,
    days_quiet > 180 AS quiet
FROM customers
WHERE orders >= 4 AND days_quiet > 180
