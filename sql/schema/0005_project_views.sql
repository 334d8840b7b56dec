-- What users' SQL sees: their own views live in {{project_database}}, beside these windows onto the public tables.
CREATE OR REPLACE VIEW {{project_database}}.events AS SELECT * FROM {{database}}.events;
CREATE OR REPLACE VIEW {{project_database}}.events_raw AS SELECT * FROM {{database}}.events_raw;
CREATE OR REPLACE VIEW {{project_database}}.events_rejected AS SELECT * FROM {{database}}.events_rejected;
CREATE OR REPLACE VIEW {{project_database}}.identities AS SELECT kind, value, profile_id, first_seen_at FROM {{database}}.identities FINAL;
CREATE OR REPLACE VIEW {{project_database}}.identity_merges AS SELECT from_profile, into_profile, reason, message_id, recorded_at FROM {{database}}.identity_merges FINAL;
CREATE OR REPLACE VIEW {{project_database}}.profiles AS SELECT * FROM {{database}}.profiles;
CREATE OR REPLACE VIEW {{project_database}}.consents AS SELECT kind, value, category, status, source, at FROM {{database}}.consents FINAL;
CREATE OR REPLACE VIEW {{project_database}}.suppressions AS SELECT kind, value, reason, recorded_at FROM {{database}}.suppressions FINAL WHERE active;
CREATE OR REPLACE VIEW {{project_database}}.materializations AS SELECT * FROM {{database}}.materializations;
CREATE OR REPLACE VIEW {{project_database}}.audience_changes AS SELECT * FROM {{database}}.audience_changes;
