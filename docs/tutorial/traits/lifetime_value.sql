/* trait
description: What a customer has spent so far, in dollars
schedule: manual
type: Decimal(38, 2)
*/
SELECT profile_id, spent AS lifetime_value FROM customers
