-- statements
;
---
-- statements
-- only a comment
---
-- statements
SELECT 1; SELECT 2
---
-- statements
SELECT 1; DROP TABLE <data>.secret
---
-- statements
SELECT 1 /* ; */ ; -- x
 SELECT 2
---
-- statements
SELECT 1;;SELECT 2
---
-- statements
SELECT 1 \G SELECT 2
---
-- statements
SELECT $$;$$; SELECT ';'
---
-- statements
SELECT 1;
INSERT INTO <data>.secret VALUES ('a','b')
---
-- statements
SELECT 1 PARALLEL WITH SELECT 2
---
-- statements
SELECT ‘;’; SELECT 1
---
-- not_select
INSERT INTO <data>.secret VALUES ('a', 'b')
---
-- not_select
INSERT INTO <data>.secret SELECT * FROM orders
---
-- not_select
DROP TABLE <data>.secret
---
-- not_select
CREATE TABLE t (a UInt8) ENGINE = Memory
---
-- not_select
CREATE VIEW v AS SELECT 1
---
-- not_select
CREATE FUNCTION f AS x -> x
---
-- not_select
ALTER TABLE <data>.secret DELETE WHERE 1
---
-- not_select
TRUNCATE TABLE <data>.secret
---
-- not_select
DELETE FROM <data>.secret WHERE 1
---
-- not_select
UPDATE <data>.secret SET password = '' WHERE 1
---
-- not_select
OPTIMIZE TABLE <data>.secret
---
-- not_select
RENAME TABLE a TO b
---
-- not_select
EXCHANGE TABLES a AND b
---
-- not_select
ATTACH TABLE x
---
-- not_select
DETACH TABLE <data>.secret
---
-- not_select
KILL QUERY WHERE 1
---
-- not_select
SYSTEM SHUTDOWN
---
-- not_select
SYSTEM FLUSH LOGS
---
-- not_select
SET readonly = 0
---
-- not_select
USE system
---
-- not_select
GRANT ALL ON *.* TO default
---
-- not_select
SHOW TABLES
---
-- not_select
DESCRIBE TABLE <data>.secret
---
-- not_select
EXPLAIN SELECT 1
---
-- not_select
EXISTS TABLE <data>.secret
---
-- not_select
BACKUP TABLE <data>.secret TO Disk('a', 'b')
---
-- not_select
BEGIN TRANSACTION
---
-- not_select
WATCH v
---
-- not_select
CHECK TABLE <data>.secret
---
-- not_select
UNDROP TABLE x
---
-- not_select
optimize = 1 SELECT (SELECT 1)
---
-- not_select
run_passes = 1 SELECT 1
---
-- not_select
graph = 1 SELECT 1
---
-- not_select
1 + 1
---
-- not_select
'text'
---
-- not_select
VALUES (1)
---
-- not_select
TABLE <data>.secret
---
-- not_select
EXECUTE AS default SELECT 1
---
-- not_select
MOVE USER a TO b
---
-- not_select
COPY <data>.secret TO 'x'
---
-- not_select
oplock
---
-- not_select
CALL f()
---
-- clause
SELECT 1 INTO OUTFILE '<file>.out'
---
-- clause
SELECT 1 INTO OUTFILE '<file>.out' TRUNCATE FORMAT CSV
---
-- clause
SELECT 1 into/**/outfile '<file>.out'
---
-- clause
SELECT 1 INTO OUTFILE '<file>.out'
---
-- clause
SELECT 1 INTO -- x
 OUTFILE '<file>.out'
---
-- clause
SELECT 1 INTO STDOUT
---
-- clause
SELECT 1 FORMAT JSON
---
-- clause
SELECT 1 FORMAT Null
---
-- clause
SELECT * FROM orders FORMAT CSV
---
-- clause
SELECT 1 SETTINGS readonly = 0
---
-- clause
SELECT 1 SETTINGS max_execution_time = 0
---
-- clause
SELECT * FROM (SELECT 1 SETTINGS max_memory_usage = 0)
---
-- clause
SELECT 1 settings `max_threads` = 1
---
-- clause
WITH a AS (SELECT 1 SETTINGS max_threads = 1) SELECT * FROM a
---
-- clause
SELECT (SELECT 1 SETTINGS max_threads = 1)
---
-- clause
SELECT 1 SETTINGS max_threads = 1, allow_ddl = 1
---
-- clause
SELECT * FROM (EXPLAIN SELECT 1)
---
-- clause
SELECT * FROM (EXPLAIN AST SELECT 1)
---
-- clause
SELECT * FROM ( /* x */ EXPLAIN ESTIMATE SELECT * FROM orders)
---
-- clause
(EXPLAIN SELECT 1)
---
-- clause
SELECT 1 AS INTO OUTFILE '<file>.out'
---
-- clause
SELECT 1 SETTINGS log_comment = 'x' FORMAT CSV
---
-- clause
SELECT * FROM orders STREAM
---
-- parameter
SELECT {x:UInt8}
---
-- parameter
SELECT * FROM {t:Identifier}
---
-- parameter
SELECT {c:Identifier} FROM orders
---
-- parameter
SELECT * FROM <data>.{t:Identifier}
---
-- parameter
SELECT 1 WHERE 1 IN {t:Identifier}
---
-- parameter
SELECT ?
---
-- parameter
SELECT * FROM orders WHERE total > ?
---
-- parameter
SELECT a ? b : c
---
-- parameter
SELECT @@max_memory_usage
---
-- parameter
SELECT @x
---
-- parameter
SELECT { t : Identifier }
---
-- table
SELECT * FROM <data>.secret
---
-- table
SELECT * FROM secret
---
-- table
SELECT * FROM `<data>`.`secret`
---
-- table
SELECT * FROM "<data>"."secret"
---
-- table
SELECT * FROM <data>.events_raw
---
-- table
SELECT * FROM <data>.sync_state
---
-- table
SELECT * FROM sync_state
---
-- table
SELECT * FROM <data>.audit_log
---
-- table
SELECT * FROM <project>.events_raw
---
-- table
SELECT * FROM events_raw
---
-- table
SELECT * FROM system.tables
---
-- table
SELECT * FROM system.functions
---
-- table
SELECT * FROM system.query_log
---
-- table
SELECT * FROM system.processes
---
-- table
SELECT * FROM system.users
---
-- table
SELECT * FROM system.settings
---
-- table
SELECT * FROM system.one
---
-- table
SELECT * FROM SYSTEM.tables
---
-- table
SELECT * FROM `system`.`parts`
---
-- table
SELECT * FROM information_schema.tables
---
-- table
SELECT * FROM INFORMATION_SCHEMA.COLUMNS
---
-- table
SELECT * FROM '<file>'
---
-- table
SELECT * FROM `<file>`
---
-- table
SELECT * FROM "<file>"
---
-- table
SELECT * FROM $$<file>$$
---
-- table
SELECT * FROM ‘<file>’
---
-- table
SELECT * FROM 'https://example.com/x.csv'
---
-- table
SELECT * FROM orders, <data>.secret
---
-- table
SELECT * FROM orders JOIN <data>.secret USING (profile_id)
---
-- table
SELECT * FROM orders LEFT JOIN (SELECT * FROM <data>.secret) s USING (profile_id)
---
-- table
SELECT * FROM (SELECT * FROM (SELECT * FROM <data>.secret))
---
-- table
SELECT (SELECT max(password) FROM <data>.secret)
---
-- table
SELECT (SELECT throwIf(password != '', 'x') FROM <data>.secret)
---
-- table
SELECT 1 WHERE 'p' IN (SELECT profile_id FROM <data>.secret)
---
-- table
SELECT 1 WHERE 'p' IN <data>.secret
---
-- table
SELECT 1 WHERE ('p', 'hidden') IN <data>.secret
---
-- table
SELECT 1 WHERE ('p', 'hidden') IN secret
---
-- table
SELECT 1 WHERE ('p', 'hidden') IN (secret)
---
-- table
SELECT 1 WHERE ('p', 'hidden') IN (<data>.secret)
---
-- table
SELECT throwIf(('p', 'hidden') IN secret)
---
-- table
SELECT (SELECT throwIf(('p', 'hidden') GLOBAL IN secret))
---
-- table
WITH a AS (SELECT * FROM <data>.secret) SELECT * FROM a
---
-- table
WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM c
---
-- table
SELECT * FROM orders UNION ALL SELECT *, 1, 2, 3, 4, 5, 6, 7 FROM <data>.secret
---
-- table
SELECT * FROM orders WHERE EXISTS (SELECT 1 FROM <data>.secret)
---
-- table
SELECT (WITH secret AS (SELECT 1 AS x) SELECT x FROM secret), password FROM secret
---
-- table
SELECT * FROM numbers(1) AS n, <data>.secret
---
-- table
SELECT * FROM order
---
-- table
SELECT * FROM Orders
---
-- table
SELECT * FROM <project>.order
---
-- table
SELECT * FROM nowhere.orders
---
-- table
SELECT * FROM default.orders
---
-- table
FROM <data>.secret SELECT *
---
-- table
SELECT arrayJoin([1]) FROM <data>.secret ARRAY JOIN [1] AS x
---
-- table
SELECT * FROM orders ANY LEFT JOIN <data>.secret s ON s.profile_id = orders.profile_id
---
-- table
SELECT * FROM <data>.secret FINAL
---
-- table
SELECT * FROM <data>.secret SAMPLE 0.1
---
-- table
SELECT max(x) OVER () FROM (SELECT password AS x FROM <data>.secret)
---
-- table
SELECT * FROM orders WHERE total > ALL (SELECT length(password) FROM <data>.secret)
---
-- table
SELECT * FROM orders EXCEPT SELECT * FROM <data>.secret
---
-- table
SELECT * FROM orders PASTE JOIN <data>.secret
---
-- table
SELECT * FROM orders CROSS JOIN system.numbers
---
-- table
SELECT * FROM tables.secret
---
-- table_function
SELECT * FROM file('<file>', 'LineAsString', 's String')
---
-- table_function
SELECT * FROM file('<file>')
---
-- table_function
SELECT * FROM `file`('<file>')
---
-- table_function
SELECT * FROM FILE('<file>')
---
-- table_function
SELECT * FROM file/**/('<file>')
---
-- table_function
SELECT * FROM file
('<file>')
---
-- table_function
SELECT * FROM fileCluster('default', '<file>')
---
-- table_function
SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')
---
-- table_function
SELECT * FROM urlCluster('default', 'http://127.0.0.1:1/')
---
-- table_function
SELECT * FROM s3('http://127.0.0.1:1/b/k', 'CSV')
---
-- table_function
SELECT * FROM s3Cluster('default', 'http://127.0.0.1:1/b/k', 'CSV')
---
-- table_function
SELECT * FROM gcs('http://127.0.0.1:1/b/k')
---
-- table_function
SELECT * FROM azureBlobStorage('x', 'y', 'z')
---
-- table_function
SELECT * FROM hdfs('hdfs://127.0.0.1:1/x', 'CSV', 'a String')
---
-- table_function
SELECT * FROM remote('127.0.0.1:1', '<data>.secret')
---
-- table_function
SELECT * FROM remoteSecure('127.0.0.1:1', <data>, secret)
---
-- table_function
SELECT * FROM cluster('default', '<data>.secret')
---
-- table_function
SELECT * FROM clusterAllReplicas('default', <data>.secret)
---
-- table_function
SELECT * FROM mysql('127.0.0.1:1', 'd', 't', 'u', 'p')
---
-- table_function
SELECT * FROM postgresql('127.0.0.1:1', 'd', 't', 'u', 'p')
---
-- table_function
SELECT * FROM mongodb('127.0.0.1:1', 'd', 't', 'u', 'p', 'a String')
---
-- table_function
SELECT * FROM redis('127.0.0.1:1', 'k', 'k String')
---
-- table_function
SELECT * FROM sqlite('<file>', 't')
---
-- table_function
SELECT * FROM odbc('DSN=x', 'd', 't')
---
-- table_function
SELECT * FROM jdbc('x', 'd', 't')
---
-- table_function
SELECT * FROM executable('id', 'TSV', 'a String')
---
-- table_function
SELECT * FROM input('a String')
---
-- table_function
SELECT * FROM merge('<data>', 'secret')
---
-- table_function
SELECT * FROM merge(<data>, '.*')
---
-- table_function
SELECT * FROM dictionary('d')
---
-- table_function
SELECT * FROM view(SELECT * FROM orders)
---
-- table_function
SELECT * FROM viewIfPermitted(SELECT 1 ELSE null('x UInt8'))
---
-- table_function
SELECT * FROM viewExplain('EXPLAIN', '', (SELECT 1))
---
-- table_function
SELECT * FROM loop(<data>.secret)
---
-- table_function
SELECT * FROM mergeTreeIndex('<data>', 'secret')
---
-- table_function
SELECT * FROM mergeTreeParts('<data>', 'secret')
---
-- table_function
SELECT * FROM format(JSONEachRow, '{"a":1}')
---
-- table_function
SELECT * FROM iceberg('x')
---
-- table_function
SELECT * FROM icebergLocal('<file>')
---
-- table_function
SELECT * FROM deltaLake('x')
---
-- table_function
SELECT * FROM deltaLakeLocal('<file>')
---
-- table_function
SELECT * FROM hudi('x')
---
-- table_function
SELECT * FROM arrowstream('x')
---
-- table_function
SELECT * FROM filesystem('/')
---
-- table_function
SELECT * FROM eval('SELECT 1')
---
-- table_function
SELECT * FROM null('a UInt8')
---
-- table_function
SELECT * FROM prometheusQuery('x', 'y', 1)
---
-- table_function
SELECT * FROM timeSeriesData(<data>.secret)
---
-- table_function
SELECT * FROM python('x')
---
-- table_function
SELECT * FROM system.file('<file>')
---
-- table_function
SELECT * FROM orders(x = 1)
---
-- table_function
SELECT * FROM orders JOIN url('http://127.0.0.1:1/', 'CSV', 'a String') u ON 1
---
-- table_function
SELECT (SELECT * FROM file('<file>', 'LineAsString'))
---
-- table_function
WITH f AS (SELECT * FROM file('<file>', 'LineAsString')) SELECT * FROM f
---
-- table_function
SELECT 1 WHERE '' IN (SELECT * FROM file('<file>', 'LineAsString'))
---
-- function
SELECT file('<file>')
---
-- function
SELECT file('<file>', 'none')
---
-- function
SELECT FILE('<file>')
---
-- function
SELECT `file`('<file>')
---
-- function
SELECT "file"('<file>')
---
-- function
SELECT “file”('<file>')
---
-- function
SELECT file /* x */ ('<file>')
---
-- function
SELECT length(file('<file>'))
---
-- function
SELECT (SELECT file('<file>'))
---
-- function
SELECT arrayMap(file, ['<file>'])
---
-- function
SELECT arrayMap(`file`, ['<file>'])
---
-- function
SELECT arrayMap((file), ['<file>'])
---
-- function
SELECT arrayMap(x -> file(x), ['<file>'])
---
-- function
SELECT arrayFilter(x -> file(x) != '', ['<file>'])
---
-- function
SELECT arrayMap(sleep, [1])
---
-- function
SELECT arrayMap(x -> arrayMap(file, [x]), ['<file>'])
---
-- function
SELECT * APPLY(file) FROM (SELECT '<file>' AS x)
---
-- function
SELECT * APPLY file FROM (SELECT '<file>' AS x)
---
-- function
SELECT * APPLY("file") FROM (SELECT '<file>' AS x)
---
-- function
SELECT * APPLY(x -> file(x)) FROM (SELECT '<file>' AS x)
---
-- function
SELECT * APPLY(x -> arrayMap(file, [x])) FROM (SELECT '<file>' AS x)
---
-- function
SELECT COLUMNS('x') APPLY(toString) APPLY(file) FROM (SELECT '<file>' AS x)
---
-- function
SELECT * REPLACE (file(x) AS x) FROM (SELECT '<file>' AS x)
---
-- function
SELECT 1 FROM orders ORDER BY file('<file>')
---
-- function
SELECT 1 FROM orders GROUP BY file('<file>')
---
-- function
SELECT 1 FROM orders WHERE file('<file>') != ''
---
-- function
SELECT 1 FROM orders HAVING file('<file>') != ''
---
-- function
SELECT count() OVER (ORDER BY file('<file>')) FROM orders
---
-- function
SELECT count() OVER w FROM orders WINDOW w AS (ORDER BY file('<file>'))
---
-- function
SELECT 1 FROM orders LIMIT 1 BY file('<file>')
---
-- function
SELECT 1 AS a FROM orders ORDER BY a WITH FILL FROM length(file('<file>'))
---
-- function
SELECT 1 AS a FROM orders ORDER BY a WITH FILL INTERPOLATE (a AS length(file('<file>')))
---
-- function
SELECT 1 FROM orders LIMIT length(file('<file>'))
---
-- function
SELECT 1 FROM orders ARRAY JOIN [file('<file>')] AS x
---
-- function
SELECT 1 FROM orders o JOIN orders p ON o.order_id = file('<file>')
---
-- function
SELECT quantile(length(file('<file>')))(total) FROM orders
---
-- function
SELECT sumIf(1, file('<file>') = '') FROM orders
---
-- function
SELECT CASE file('<file>') WHEN '' THEN 1 END
---
-- function
SELECT 1 FROM numbers(length(file('<file>')))
---
-- function
SELECT n FROM values('n String', file('<file>'))
---
-- function
SELECT sleep(1)
---
-- function
SELECT SLEEP(1)
---
-- function
SELECT sleepEachRow(1) FROM orders
---
-- function
SELECT (SELECT sleep(3))
---
-- function
SELECT rand()
---
-- function
SELECT RAND()
---
-- function
SELECT rand64()
---
-- function
SELECT rand32()
---
-- function
SELECT randConstant()
---
-- function
SELECT randUniform(0, 1)
---
-- function
SELECT randNormal(0, 1)
---
-- function
SELECT randomString(3)
---
-- function
SELECT randomPrintableASCII(3)
---
-- function
SELECT generateUUIDv4()
---
-- function
SELECT generateUUIDv7()
---
-- function
SELECT generateSnowflakeID()
---
-- function
SELECT generateSerialID('x')
---
-- function
SELECT generateRandomStructure()
---
-- function
SELECT fuzzBits('a', 0.1)
---
-- function
SELECT arrayShuffle([1])
---
-- function
SELECT rowNumberInAllBlocks()
---
-- function
SELECT runningDifference(total) FROM orders
---
-- function
SELECT neighbor(total, 1) FROM orders
---
-- function
SELECT arrayMap(rand, [1])
---
-- function
SELECT dictGet('d', 'a', 1)
---
-- function
SELECT dictGetString('d', 'a', 1)
---
-- function
SELECT dictGetOrDefault('d', 'a', 1, '')
---
-- function
SELECT dictHas('d', 1)
---
-- function
SELECT dictGetHierarchy('d', 1)
---
-- function
SELECT regionToName(1)
---
-- function
SELECT joinGet('<data>.secret', 'password', 'p')
---
-- function
SELECT joinGetOrNull('<data>.secret', 'password', 'p')
---
-- function
SELECT hasColumnInTable('<data>', 'secret', 'password')
---
-- function
SELECT getSetting('max_threads')
---
-- function
SELECT getServerSetting('max_connections')
---
-- function
SELECT getMacro('x')
---
-- function
SELECT getClientHTTPHeader('x')
---
-- function
SELECT globalVariable('max_memory_usage')
---
-- function
SELECT currentUser()
---
-- function
SELECT user()
---
-- function
SELECT current_user()
---
-- function
SELECT currentDatabase()
---
-- function
SELECT database()
---
-- function
SELECT currentQueryID()
---
-- function
SELECT currentRoles()
---
-- function
SELECT hostName()
---
-- function
SELECT fqdn()
---
-- function
SELECT version()
---
-- function
SELECT uptime()
---
-- function
SELECT timezone()
---
-- function
SELECT tcpPort()
---
-- function
SELECT serverUUID()
---
-- function
SELECT buildId()
---
-- function
SELECT displayName()
---
-- function
SELECT filesystemAvailable()
---
-- function
SELECT filesystemCapacity('x')
---
-- function
SELECT connectionId()
---
-- function
SELECT showCertificate()
---
-- function
SELECT addressToLine(1)
---
-- function
SELECT demangle('x')
---
-- function
SELECT logTrace('x')
---
-- function
SELECT evalMLMethod(1, 2)
---
-- function
SELECT catboostEvaluate('<file>', 1)
---
-- function
SELECT aiGenerate('x')
---
-- function
SELECT encrypt('aes-128-ecb', 'a', 'b')
---
-- function
SELECT decrypt('aes-128-ecb', 'a', 'b')
---
-- function
SELECT formatRow('CSV', 1)
---
-- function
SELECT formatQuery('SELECT 1')
---
-- function
SELECT structureToProtobufSchema('a UInt8')
---
-- function
SELECT zookeeperSessionUptime()
---
-- function
SELECT icebergTruncate(1)
---
-- function
SELECT __getScalar('x')
---
-- function
SELECT __actionName('x')
---
-- function
SELECT nonsense_function(1)
---
-- function
SELECT countNonsense()
---
-- function
SELECT 1 IN numbers(10)
---
-- function
SELECT x IN file('<file>') FROM (SELECT '' AS x)
---
-- function
SELECT now64(total) FROM orders
---
-- function
SELECT now('UTC', 1)
---
-- function
SELECT current_user
---
-- function
SELECT currentUser
---
-- function
SELECT now AS n
---
-- function
SELECT today AS n
---
-- function
SELECT `a b`(1)
---
-- function
WITH (x -> file(x)) AS f SELECT f('<file>')
---
-- function
WITH (x -> x) AS file SELECT file('<file>')
---
-- function
WITH (x -> file(x)) AS toString SELECT toString('<file>')
---
-- function
WITH rand() AS r SELECT r
---
-- function
WITH file('<file>') AS f SELECT f
---
-- function
SELECT * FROM generateRandom('a UInt8')
---
-- function
SELECT * FROM fuzzJSON(x)
---
-- function
SELECT * FROM fuzzQuery('SELECT 1')
---
-- unknown
SELECT timezone
---
-- unknown
SELECT FROM
---
-- unknown
SELECT 1a.5x
---
-- shadow
WITH orders AS (SELECT 1) SELECT * FROM orders
---
-- shadow
WITH events AS (SELECT * FROM customer_value) SELECT * FROM events
---
-- shadow
SELECT * FROM (WITH profiles AS (SELECT 1) SELECT * FROM profiles)
---
-- shadow
WITH a AS (SELECT 1), `orders` AS (SELECT 2) SELECT * FROM a
---
-- shadow
WITH RECURSIVE orders AS (SELECT 1) SELECT 1
---
-- text
SELECT 'open
---
-- text
SELECT `open
---
-- text
SELECT "open
---
-- text
SELECT 1 /* open
---
-- text
SELECT 1 /* a /* b */
---
-- text
SELECT $ 1
---
-- text
SELECT 1 AS `a<esc>b`
---
-- text
SELECT 1 AS `a
b`
---
-- text
SELECT 1 AS "a\nb"
---
-- text
SELECT `x<nul>`
---
-- text
SELECT 1 <nul>
---
-- text
SELECT 1 AS “a
TABLE id: 1, table_name: x”
---
-- text
SELECT '<bad>'
---
-- text
SELECT ＳＥＬＥＣＴ
---
-- text
SELECT 1 é
---
-- text
SELECT #1
---
-- text
SELECT 1 !
---
-- text
SELECT x'0g'
---
-- text
SELECT 1 AS `a b`
---
-- text
SELECT 1.5abc
---
-- syntax
SELECT
---
-- syntax
SELECT (1
---
-- syntax
SELECT 1)
---
-- syntax
SELECT 1) UNION ALL (SELECT 2
---
-- syntax
SELECT 1) INTO OUTFILE ('x'
---
-- syntax
SELECT [1)
---
-- syntax
SELECT 1 FROM orders WHERE
---
-- syntax
SELECT 1 FROM orders GROUP
---
-- syntax
SELECT 1 FROM orders JOIN
---
-- syntax
WITH a AS (SELECT 1)
---
-- syntax
SELECT 1 2
---
-- syntax
SELECT * FROM orders ORDER total
---
-- syntax
SELECT {'a': 1
---
-- syntax
SELECT a b c
---
-- unknown
SELECT nothing_here FROM orders
---
-- unknown
SELECT profile_idd FROM orders
---
-- unknown
SELECT o.totall FROM orders o
---
-- unknown
SELECT x.total FROM orders o
---
-- unknown
SELECT totl
---
-- unnamed
SELECT profile_id, now() FROM orders
---
-- unnamed
SELECT dateDiff('day', at, today()) FROM orders
---
-- unnamed
SELECT profile_id, yesterday() - 1 FROM orders
---
-- engine
SELECT profile_id + 1 FROM orders
---
-- engine
SELECT sum(total), profile_id FROM orders
---
-- engine
SELECT toUInt8('a') FROM numbers(1)
---
-- engine
SELECT total AS a, at AS a FROM orders
---
-- engine
SELECT length(1, 2)
---
-- limit
SELECT (SELECT sum(sipHash64(number, number, number)) FROM numbers(100000000000)) AS n
---
-- limit
SELECT profile_id FROM orders WHERE total > (SELECT max(cityHash64(a.number, b.number)) FROM numbers(1000000) a, numbers(1000000) b)
---
-- limit
SELECT (SELECT length(groupArray(repeat('x', 1000000))) FROM numbers(100000)) AS n
---
-- size
SELECT ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((1))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))
