-- What checks of severity warn found in a version: said beside its reason, and never holding it.
ALTER TABLE `tailrace`.materialization_log ADD COLUMN IF NOT EXISTS warnings Array(String) AFTER reason;

CREATE OR REPLACE VIEW `tailrace`.materializations ON CLUSTER 'prod' AS
SELECT
    id, kind, name, version,
    argMax(state, seq) AS state, max(logical_time) AS logical_time, min(at) AS queued_at, max(at) AS updated_at,
    argMax(trigger, seq) AS trigger, argMax(actor, seq) AS actor, argMax(project_hash, seq) AS project_hash,
    argMax(row_fingerprint, seq) AS row_fingerprint, argMax(input_versions, seq) AS input_versions,
    argMax(table_name, seq) AS table_name, argMax(columns, seq) AS columns,
    argMax(rows, seq) AS rows, argMax(entered, seq) AS entered, argMax(exited, seq) AS exited,
    argMax(dropped_keys, seq) AS dropped_keys, argMax(unresolved_keys, seq) AS unresolved_keys,
    argMax(checksum, seq) AS checksum, argMax(reason, seq) AS reason, argMax(warnings, seq) AS warnings, argMax(error, seq) AS error
FROM `tailrace`.materialization_log
GROUP BY id, kind, name, version;

CREATE OR REPLACE VIEW `tailrace_project`.materializations ON CLUSTER 'prod' AS SELECT * FROM `tailrace`.materializations;

