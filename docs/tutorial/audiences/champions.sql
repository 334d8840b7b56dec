/* audience
description: Ordered lately, often and for much
schedule: manual
because: [recent, frequent, big]
tests:
  - min_members: 1
*/
SELECT
    profile_id,
    customer,
    concat(customer, '@cdnow.example') AS email,
    orders,
    spent,
    days_quiet <= 90 AS recent,
    orders >= 5 AS frequent,
    spent >= 200 AS big
FROM customers
WHERE days_quiet <= 90 AND orders >= 5 AND spent >= 200
