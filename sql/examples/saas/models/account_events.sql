/* model
description: What happened in a workspace, one row an event
owner: data@saas.example
entity: none
tags: [accounts]
*/
SELECT
    assumeNotNull(coalesce(nullIf(group_id, ''), context.groupId::Nullable(String))) AS account_id,
    profile_id,
    type,
    event,
    timestamp,
    coalesce(if(type = 'group', traits.name::Nullable(String), properties.name::Nullable(String)), '') AS account_name,
    coalesce(properties.feature::Nullable(String), '') AS feature,
    coalesce(properties.plan::Nullable(String), '') AS plan,
    toFloat64OrZero(properties.mrr::Nullable(String)) AS mrr -- monthly, in the product's currency
FROM events
WHERE group_id != '' OR context.groupId::Nullable(String) IS NOT NULL
