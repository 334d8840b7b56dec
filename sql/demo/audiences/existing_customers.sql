/* audience
description: Everybody who ever ordered, to be left out of advertisements for new customers
owner: growth@shop.example
tags: [suppression]
limits: { max_shrink: 5% } # nobody un-orders
tests:
  - unique
*/
SELECT profile_id, first_order_at, order_count
FROM customer_value
