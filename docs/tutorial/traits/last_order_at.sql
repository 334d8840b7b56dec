/* trait
description: The day of a customer's last order
*/
SELECT profile_id, last_order_at FROM customers
