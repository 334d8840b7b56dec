/* model
description: The newest cart of each person, with its articles
owner: data@shop.example
tags: [shop]
*/
WITH
    lines AS
    (
        SELECT
            profile_id,
            assumeNotNull(properties.cart_id::Nullable(String)) AS cart_id,
            coalesce(properties.sku::Nullable(String), properties.product_id::Nullable(String), '') AS sku,
            toFloat64OrZero(properties.price::Nullable(String)) AS price,
            greatest(toInt64OrZero(properties.quantity::Nullable(String)), 1) AS quantity,
            timestamp
        FROM events
        WHERE type = 'track' AND event = 'Product Added'
          AND properties.cart_id::Nullable(String) IS NOT NULL
    ),
    by_cart AS
    (
        SELECT
            profile_id,
            cart_id,
            arraySort(groupUniqArray(sku)) AS skus,
            round(sum(price * quantity), 2) AS cart_value,
            max(timestamp) AS added_at
        FROM lines
        GROUP BY profile_id, cart_id
    )
SELECT
    profile_id,
    argMax(by_cart.cart_id, added_at) AS cart_id,
    argMax(by_cart.skus, added_at) AS skus,             -- articles in it
    argMax(by_cart.cart_value, added_at) AS cart_value, -- in the shop's currency
    max(added_at) AS last_added_at
FROM by_cart
GROUP BY profile_id
