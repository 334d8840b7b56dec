-- Each process writes a chain of its own: hash is SHA-256 over the row and the hash before it. object and detail go into
-- it by content, a SHA-256 over them and a random nonce, so that an erasure can blank all three and the chain still holds.
ALTER TABLE {{database}}.audit_log
    ADD COLUMN IF NOT EXISTS writer String,
    ADD COLUMN IF NOT EXISTS seq UInt64,
    ADD COLUMN IF NOT EXISTS nonce String,
    ADD COLUMN IF NOT EXISTS content String,
    ADD COLUMN IF NOT EXISTS hash String;

-- How far each chain has come, so that rows cut off its end are missed. The highest seq wins.
CREATE TABLE IF NOT EXISTS {{database}}.audit_heads
(
    writer String,
    seq    UInt64,
    hash   String
)
ENGINE = ReplacingMergeTree(seq)
ORDER BY writer
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

-- Rows from before there were chains: their number and sum stand for the chain that has no writer.
INSERT INTO {{database}}.audit_heads (writer, seq, hash)
SELECT '', count(), toString(sum(sipHash64(id, at, actor, toString(role), toString(action), remote_ip)))
FROM {{database}}.audit_log
WHERE writer = '';
