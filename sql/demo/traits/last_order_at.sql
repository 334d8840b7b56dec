/* trait
description: When the customer last ordered
owner: data@shop.example
type: datetime
tags: [shop]
*/
SELECT profile_id, last_order_at FROM customer_value
