-- What a destination held is written down again when runs that were open at the request are over: the newest look counts.
ALTER TABLE `tailrace`.erasure_removals ADD COLUMN IF NOT EXISTS kept_at DateTime64(6, 'UTC') DEFAULT now64(6);

