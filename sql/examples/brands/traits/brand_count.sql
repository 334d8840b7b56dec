/* trait
description: How many of the house's brands somebody bought from
owner: data@brands.example
type: number
tags: [house]
*/
SELECT profile_id, length(brands) AS brand_count FROM house_customers
