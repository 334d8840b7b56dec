/* trait
description: Sum of all orders, in the shop's currency
owner: data@shop.example
type: number
tags: [shop]
tests:
  - unique
*/
SELECT profile_id, lifetime_value FROM customer_value
