/* trait
description: The day of a customer's last order
schedule: manual
*/
SELECT profile_id, last_order_at FROM customers
