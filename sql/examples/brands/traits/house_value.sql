/* trait
description: Sum of all orders at all brands
owner: data@brands.example
type: number
tags: [house]
tests:
  - unique
*/
SELECT profile_id, house_value FROM house_customers
