/* trait
description: How often a customer has ordered
*/
SELECT profile_id, orders AS order_count FROM customers
