-- What users' SQL sees: their own views live in `tailrace_project`, beside these windows onto the public tables.
CREATE OR REPLACE VIEW `tailrace_project`.events ON CLUSTER 'prod' AS SELECT * FROM `tailrace`.events;

CREATE OR REPLACE VIEW `tailrace_project`.events_raw ON CLUSTER 'prod' AS SELECT * FROM `tailrace`.events_raw;

CREATE OR REPLACE VIEW `tailrace_project`.events_rejected ON CLUSTER 'prod' AS SELECT * FROM `tailrace`.events_rejected;

CREATE OR REPLACE VIEW `tailrace_project`.identities ON CLUSTER 'prod' AS SELECT kind, value, profile_id, first_seen_at FROM `tailrace`.identities FINAL;

CREATE OR REPLACE VIEW `tailrace_project`.identity_merges ON CLUSTER 'prod' AS SELECT from_profile, into_profile, reason, message_id, recorded_at FROM `tailrace`.identity_merges FINAL;

CREATE OR REPLACE VIEW `tailrace_project`.profiles ON CLUSTER 'prod' AS SELECT * FROM `tailrace`.profiles;

CREATE OR REPLACE VIEW `tailrace_project`.consents ON CLUSTER 'prod' AS SELECT kind, value, category, status, source, at FROM `tailrace`.consents FINAL;

CREATE OR REPLACE VIEW `tailrace_project`.suppressions ON CLUSTER 'prod' AS SELECT kind, value, reason, recorded_at FROM `tailrace`.suppressions FINAL WHERE active;

CREATE OR REPLACE VIEW `tailrace_project`.materializations ON CLUSTER 'prod' AS SELECT * FROM `tailrace`.materializations;

CREATE OR REPLACE VIEW `tailrace_project`.audience_changes ON CLUSTER 'prod' AS SELECT * FROM `tailrace`.audience_changes;

