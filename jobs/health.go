package jobs

import (
	"context"
	"strings"
)

// Health is what /readyz and doctor say about the queue.
type Health struct {
	// Mode is "in process" (disposable, ends with the process) or "redis".
	Mode string `json:"mode"`
	// Reachable says whether Redis answers.
	Reachable bool `json:"reachable"`
	// Version is the server's, where it tells.
	Version string `json:"version,omitempty"`
	// AOF says whether Redis keeps an append-only file, so that the queue outlives a restart.
	AOF bool `json:"aof"`
	// Policy is maxmemory-policy; anything but noeviction may drop tasks silently.
	Policy string `json:"policy,omitempty"`
	// Warnings are whole sentences with the way out.
	Warnings []string `json:"warnings,omitempty"`
}

// Health asks Redis how it is set up. It never fails: what can't be known is a warning.
func (q *Queue) Health(ctx context.Context) Health {
	if q.inside != nil {
		return Health{Mode: "in process", Reachable: q.redis.Ping(ctx).Err() == nil}
	}
	h := Health{Mode: "redis"}
	// INFO tells the same as CONFIG GET, and managed servers allow it.
	info, err := q.redis.Info(ctx, "all").Result()
	if err != nil {
		if perr := q.redis.Ping(ctx).Err(); perr != nil {
			h.Warnings = append(h.Warnings, "Redis doesn't answer; runs wait until it does, and nothing is lost.")
			return h
		}
		h.Reachable = true
		h.Warnings = append(h.Warnings, "Redis doesn't let us read INFO, so its durability can't be checked; allow INFO for this user.")
		return h
	}
	fields := infoFields(info)
	h.Reachable, h.Version = true, fields["redis_version"]
	h.AOF, h.Policy = fields["aof_enabled"] == "1", fields["maxmemory_policy"]
	if !h.AOF {
		h.Warnings = append(h.Warnings, "Redis keeps no append-only file: a restart empties the queue and it has to be found again from the warehouse; set appendonly yes.")
	}
	if h.Policy != "noeviction" {
		h.Warnings = append(h.Warnings, "Redis may evict keys (maxmemory-policy "+h.Policy+"), which drops tasks silently; set maxmemory-policy noeviction.")
	}
	if fields["cluster_enabled"] == "1" {
		h.Warnings = append(h.Warnings, "Redis Cluster isn't supported; use one server, or Sentinel.")
	}
	return h
}

func infoFields(info string) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(info) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[k] = v
		}
	}
	return fields
}
