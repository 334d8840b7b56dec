SELECT profile_id, last_order_at, lifetime_value
FROM customer_value
WHERE lifetime_value > 200 AND last_order_at < now() - INTERVAL 90 DAY
---
SELECT profile_id FROM events WHERE event = 'Order Completed' AND timestamp > now() - INTERVAL 30 DAY GROUP BY profile_id HAVING count() >= 3
---
SELECT profile_id, sum(properties.total::Float64) AS spent FROM events WHERE event = 'Order Completed' GROUP BY profile_id;
---
-- people who have a cart and no order since
WITH carts AS (
    SELECT profile_id, max(timestamp) AS last_cart FROM events WHERE event = 'Product Added' GROUP BY profile_id
), bought AS (
    SELECT profile_id, max(timestamp) AS last_order FROM events WHERE event = 'Order Completed' GROUP BY profile_id
)
SELECT carts.profile_id AS profile_id, last_cart
FROM carts LEFT JOIN bought ON carts.profile_id = bought.profile_id
WHERE last_cart > last_order AND last_cart > now() - INTERVAL 3 DAY -- recent ones
---
/* header */ SELECT profile_id, countIf(event = 'Order Completed') AS orders, uniqExactIf(properties.order_id::String, event = 'Order Completed') AS distinct_orders FROM events GROUP BY profile_id
---
SELECT profile_id, quantile(0.9)(total) AS p90, quantiles(0.25, 0.5, 0.75)(total) AS quartiles FROM orders GROUP BY profile_id
---
SELECT profile_id, quantilesTDigestIf(0.5, 0.9)(total, total > 0) AS q, medianExact(total) AS m FROM orders GROUP BY profile_id
---
SELECT profile_id, windowFunnel(86400)(toDateTime(timestamp), event = 'Product Viewed', event = 'Product Added', event = 'Order Completed') AS level FROM events GROUP BY profile_id
---
SELECT profile_id, retention(toDate(timestamp) = today(), toDate(timestamp) = yesterday()) AS r FROM events GROUP BY profile_id
---
SELECT profile_id FROM events GROUP BY profile_id HAVING sequenceMatch('(?1).*(?t<=3600)(?2)')(toDateTime(timestamp), event = 'a', event = 'b')
---
SELECT profile_id, sequenceCount('(?1)(?2)')(toDateTime(timestamp), event = 'a', event = 'b') AS c FROM events GROUP BY profile_id
---
SELECT profile_id, row_number() OVER (PARTITION BY profile_id ORDER BY at DESC) AS n, total FROM orders QUALIFY n = 1
---
SELECT profile_id, total, lagInFrame(total, 1) OVER (PARTITION BY profile_id ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS previous FROM orders
---
SELECT profile_id, sum(total) OVER w AS running, rank() OVER w AS r FROM orders WINDOW w AS (PARTITION BY profile_id ORDER BY at)
---
SELECT profile_id, ntile(4) OVER (ORDER BY lifetime_value) AS quartile, first_value(lifetime_value) OVER (ORDER BY lifetime_value) AS lowest FROM customer_value
---
SELECT profile_id, item.sku AS sku FROM orders ARRAY JOIN items AS item
---
SELECT profile_id, arrayJoin(tags) AS tag FROM orders
---
SELECT profile_id, tag, index FROM orders LEFT ARRAY JOIN tags AS tag, arrayEnumerate(tags) AS index
---
SELECT profile_id, arraySum(arrayMap(i -> i.price * i.quantity, items)) AS value, arrayExists(x -> x.sku = 'a', items) AS has_a FROM orders
---
SELECT profile_id, arraySort((x, y) -> -y, groupArray(order_id), groupArray(total)) AS by_total FROM orders GROUP BY profile_id
---
SELECT profile_id, arrayFold((acc, x) -> acc + x, groupArray(total), 0.0) AS folded FROM orders GROUP BY profile_id
---
WITH (x, y) -> x / greatest(y, 1) AS ratio SELECT profile_id, ratio(lifetime_value, orders) AS average FROM customer_value
---
SELECT profile_id, argMax(total, at) AS last_total, argMaxIf(order_id, at, total > 10) AS last_big, anyLast(segment) AS segment FROM orders GROUP BY profile_id
---
SELECT profile_id, topK(3)(segment) AS top, groupUniqArray(10)(segment) AS segments, groupArrayIf(total, total > 1) AS totals FROM orders GROUP BY profile_id
---
SELECT profile_id, attributes['colour'] AS colour, mapKeys(attributes) AS names, mapFilter((k, v) -> v != '', attributes) AS filled FROM orders
---
SELECT profile_id, multiIf(lifetime_value > 1000, 'gold', lifetime_value > 200, 'silver', 'bronze') AS tier FROM customer_value
---
SELECT profile_id, CASE WHEN orders > 3 THEN 'many' WHEN orders > 0 THEN 'some' ELSE 'none' END AS level, CASE orders WHEN 1 THEN 'one' END AS one FROM customer_value
---
SELECT profile_id, dateDiff('day', last_order_at, now()) AS days_since FROM customer_value
---
SELECT profile_id, toDate(last_order_at, 'Europe/Berlin') AS day, formatDateTime(last_order_at, '%Y-%m') AS month, toStartOfMonth(last_order_at) AS m, date_trunc('week', last_order_at) AS w FROM customer_value
---
SELECT profile_id FROM customer_value WHERE last_order_at BETWEEN now64(3) - toIntervalDay(30) AND CURRENT_TIMESTAMP
---
SELECT profile_id FROM customer_value WHERE toDate(last_order_at) IN (today(), yesterday(), toDate('2026-01-01'))
---
SELECT profile_id FROM events WHERE profile_id IN (SELECT toUUIDOrZero(profile_id) FROM orders WHERE total > 100)
---
SELECT profile_id FROM orders WHERE profile_id NOT IN (SELECT profile_id FROM customer_value WHERE orders > 10) AND has(tags, 'vip')
---
SELECT profile_id FROM orders WHERE order_id IN tags
---
SELECT o.profile_id AS profile_id, o.total AS total, c.lifetime_value AS value FROM orders AS o INNER JOIN customer_value AS c USING (profile_id)
---
SELECT o.profile_id AS profile_id, c.last_order_at AS at FROM orders o ASOF LEFT JOIN customer_value c ON o.profile_id = c.profile_id AND o.at >= c.last_order_at
---
SELECT o.profile_id AS id FROM orders o LEFT ANTI JOIN customer_value c ON o.profile_id = c.profile_id
---
SELECT o.profile_id AS id FROM orders o LEFT SEMI JOIN (SELECT profile_id FROM customer_value WHERE orders > 1) c ON o.profile_id = c.profile_id
---
SELECT profile_id FROM orders UNION DISTINCT SELECT profile_id FROM customer_value
---
SELECT profile_id FROM orders EXCEPT SELECT profile_id FROM customer_value WHERE orders > 3
---
(SELECT profile_id FROM orders) INTERSECT (SELECT profile_id FROM customer_value)
---
SELECT profile_id, total > (SELECT avg(total) FROM orders) AS above FROM orders
---
SELECT profile_id, total FROM orders WHERE total = (SELECT max(total) FROM orders) ORDER BY at DESC LIMIT 1
---
SELECT profile_id, total FROM orders ORDER BY at DESC LIMIT 1 BY profile_id
---
SELECT DISTINCT ON (profile_id) profile_id, total FROM orders ORDER BY at
---
SELECT profile_id, max(at) AS last FROM orders GROUP BY ALL
---
SELECT segment, count() AS n FROM orders GROUP BY segment WITH TOTALS ORDER BY n DESC
---
SELECT segment, country, count() AS n FROM orders GROUP BY GROUPING SETS ((segment), (country))
---
SELECT toDate(at) AS day, count() AS n FROM orders GROUP BY day ORDER BY day WITH FILL STEP 1
---
SELECT profile_id, coalesce(country, 'unknown') AS country, ifNull(country, '') AS c, country IS NULL AS missing FROM orders
---
SELECT profile_id, lower(trim(email)) AS email, splitByChar('@', email)[2] AS domain, match(email, '^[a-z]+@') AS plain FROM (SELECT profile_id, attributes['email'] AS email FROM orders)
---
SELECT profile_id, replaceRegexpAll(order_id, '[^0-9]', '') AS digits, substring(order_id, 1, 3) AS head, concat(order_id, '-', segment) AS joined, order_id || '!' AS loud FROM orders
---
SELECT profile_id, cityHash64(profile_id) % 100 < 10 AS holdout, sipHash128(profile_id) AS h FROM customer_value
---
SELECT profile_id, JSONExtractString(payload, 'context', 'ip') AS ip, JSONHas(payload, 'traits') AS has_traits FROM events
---
SELECT profile_id, properties.products[].sku AS skus, properties.^shipping AS shipping, properties.coupon.:String AS coupon FROM events
---
SELECT profile_id, context.page.url::String AS url, domain(context.page.url::String) AS domain, extractURLParameter(context.page.url::String, 'utm_source') AS source FROM events
---
SELECT user_id, count(DISTINCT event) AS kinds, uniq(event) AS about, uniqCombined(event) AS combined FROM events GROUP BY user_id
---
SELECT * FROM customer_value
---
SELECT * EXCEPT (orders) FROM customer_value
---
SELECT * REPLACE (round(lifetime_value, 2) AS lifetime_value) FROM customer_value
---
SELECT profile_id, COLUMNS('value|orders') APPLY(toString) FROM customer_value
---
SELECT COLUMNS('value|orders') APPLY(x -> x * 2) FROM customer_value
---
FROM customer_value SELECT profile_id, orders WHERE orders > 2
---
WITH 90 AS days, (SELECT max(at) FROM orders) AS newest SELECT profile_id FROM customer_value WHERE last_order_at < newest - toIntervalDay(days)
---
WITH RECURSIVE steps AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM steps WHERE n < 5) SELECT n FROM steps
---
SELECT number AS n, now() - toIntervalDay(number) AS day FROM numbers(10)
---
SELECT n, name FROM values('n UInt8, name String', (1, 'a'), (2, 'b'))
---
SELECT profile_id, sumMap(map(segment, total)) AS by_segment, sumIf(total, segment = 'a') / nullIf(sum(total), 0) AS share FROM orders GROUP BY profile_id
---
SELECT profile_id, sumState(total) AS state, finalizeAggregation(avgState(total)) AS average FROM orders GROUP BY profile_id
---
SELECT profile_id, stddevPop(total) AS deviation, corr(total, toFloat64(at)) AS trend, simpleLinearRegression(toFloat64(at), total) AS line FROM orders GROUP BY profile_id
---
SELECT profile_id, $$it's a "text" with ; and -- and ? inside$$ AS note, ‘curly’ AS curly FROM customer_value # a remark
---
SELECT p.profile_id AS profile_id FROM profiles AS p
---
SELECT value AS email, category, status FROM consents WHERE kind = 'email' AND status = 'granted'
---
SELECT "profile_id", `orders` FROM `customer_value` WHERE "orders" > 1 // another remark
---
SELECT profile_id, format('{} of {}', segment, order_id) AS label, 'now() and ; and INTO OUTFILE' AS text FROM orders
---
SELECT profile_id, toTypeName(total) AS t, toString(total) AS s, CAST(total AS Decimal(18, 2)) AS d, total::Nullable(UInt64) AS n, accurateCastOrNull(order_id, 'UInt64') AS i FROM orders
---
SELECT t.1 AS sku, t.2 AS price, (1, 'a', [1, 2]).3[1] AS one FROM (SELECT arrayJoin(items) AS t FROM orders)
---
SELECT profile_id, exponentialMovingAverage(30)(total, toUnixTimestamp(at)) AS ema, deltaSum(total) AS grown, sparkbar(9)(toDate(at), total) AS bar FROM orders GROUP BY profile_id
---
SELECT profile_id, bitmapCardinality(groupBitmapState(cityHash64(order_id))) AS n, geoDistance(1, 2, 3, 4) AS metres, toIPv4OrDefault('1.2.3.4') AS ip FROM orders GROUP BY profile_id
---
SELECT profile_id, at AS "Last order, in total (€)" FROM orders
---
SELECT toDate(at) AS day, sum(total) AS total FROM orders GROUP BY day ORDER BY day WITH FILL FROM toDate('2026-01-01') TO today() STEP INTERVAL 1 DAY
---
SELECT profile_id, settings, format FROM (SELECT profile_id, attributes AS settings, segment AS format FROM orders) WHERE format = 'x' AND settings['a'] != ''
