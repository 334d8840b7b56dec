/* trait
description: How many people a workspace has
owner: data@saas.example
entity: group
type: number
tags: [accounts]
tests:
  - unique
*/
SELECT account_id, seats AS account_seats FROM account_usage
