-- The view by a file's name: the rows of its published version.
-- In: view, columns, table, and as literals kind, name, table_name.
CREATE OR REPLACE VIEW {{view}} AS
SELECT {{columns}}
FROM {{table}}
WHERE version =
(
    SELECT max(version) FROM {{database}}.materialization_log
    WHERE kind = {{kind}} AND name = {{name}} AND state = 'published' AND table_name = {{table_name}}
)
