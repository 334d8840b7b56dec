/* trait
description: How many orders the customer has placed
owner: data@shop.example
type: number
tags: [shop]
*/
SELECT profile_id, order_count FROM customer_value
