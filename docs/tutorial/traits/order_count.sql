/* trait
description: How often a customer has ordered
schedule: manual
*/
SELECT profile_id, orders AS order_count FROM customers
