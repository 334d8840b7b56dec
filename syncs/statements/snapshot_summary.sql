/* What a snapshot holds, by class.
in:  sync_id, version
out: reason ('' is in), rows, sum of hashes
why: its seal; nothing of a snapshot counts before these numbers are written down. */
SELECT reason, count() AS rows, sum(hash) AS checksum
FROM [[db]].sync_snapshot_rows
WHERE sync_id = {sync_id:String} AND version = {version:UInt64}
GROUP BY reason
