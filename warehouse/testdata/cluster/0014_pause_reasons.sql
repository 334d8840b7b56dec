-- Why a person paused a sync: said beside the pause, as the audit log isn't for everybody.
ALTER TABLE `tailrace`.sync_definitions ADD COLUMN IF NOT EXISTS paused_reason String AFTER paused;

