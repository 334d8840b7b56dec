package jobs

import "github.com/redis/go-redis/v9"

// keyspace names the keys of one queue: asynq's own (v0.26, pinned by layout_test.go) and ours.
type keyspace struct{ queue string }

func (k keyspace) asynq(part string) string { return "asynq:{" + k.queue + "}:" + part }
func (k keyspace) task(id string) string    { return k.asynq("t:" + id) }
func (k keyspace) ours(part, name string) string {
	return "tailrace:{" + k.queue + "}:" + part + ":" + name
}
func (k keyspace) run(taskID string) string   { return k.ours("run", taskID) }
func (k keyspace) again(taskID string) string { return k.ours("again", taskID) }

// admit decides what a request for a task id that exists already means. asynq only says "conflict",
// whether the task waits, runs, or was left active by a killed worker (it would take asynq itself
// 80 to 140 s to notice, and it never notices an archived or leaseless one).
//
//	KEYS  task, pending, active, lease, scheduled, retry, archived, completed, run lease, again
//	ARGV  task id, now (ns), wanted time (s), urgent (0|1), again's time to live (ms), youngest lease to distrust (s)
//	→     gone (enqueue anew), queued, running (will run once more), rescued, moved
var admit = redis.NewScript(`
local id, now, want, urgent = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4] == "1"
local function pend()
  redis.call("HSET", KEYS[1], "state", "pending", "pending_since", now)
  redis.call("LPUSH", KEYS[2], id)
end
local state = redis.call("HGET", KEYS[1], "state")
if state == "pending" then return "queued" end
if state == "active" then
  local lease = redis.call("ZSCORE", KEYS[4], id)
  local held = redis.call("EXISTS", KEYS[9]) == 1
  if held or (lease and tonumber(lease) >= tonumber(ARGV[6])) then
    redis.call("SET", KEYS[10], "1", "PX", ARGV[5])
    return "running"
  end
  redis.call("LREM", KEYS[3], 0, id)
  redis.call("ZREM", KEYS[4], id)
  pend()
  return "rescued"
end
if state == "scheduled" then
  local at = redis.call("ZSCORE", KEYS[5], id)
  if not urgent and at and want >= tonumber(at) then return "queued" end
  redis.call("ZREM", KEYS[5], id)
  if want * 1e9 > tonumber(now) and not urgent then
    redis.call("ZADD", KEYS[5], want, id)
  else
    pend()
  end
  return "moved"
end
if state == "retry" then
  if not urgent then return "queued" end
  redis.call("ZREM", KEYS[6], id)
  pend()
  return "moved"
end
redis.call("ZREM", KEYS[7], id)
redis.call("ZREM", KEYS[8], id)
redis.call("DEL", KEYS[1])
return "gone"
`)

// reap takes out a task that is active although nobody holds asynq's lease on it, or whose body is gone.
//
//	KEYS  task, active, lease · ARGV task id · → 1 if it was taken out
var reap = redis.NewScript(`
if redis.call("ZSCORE", KEYS[3], ARGV[1]) then return 0 end
if redis.call("LREM", KEYS[2], 0, ARGV[1]) == 0 then return 0 end
redis.call("DEL", KEYS[1])
return 1
`)

// renew prolongs a lease, or takes it again when Redis forgot it; never when somebody else has it.
//
//	KEYS  lease · ARGV token, time to live (ms) · → 1 if it is held
var renew = redis.NewScript(`
local holder = redis.call("GET", KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
return 1
`)

// release gives a lease back if it is still ours.
//
//	KEYS  lease · ARGV token
var release = redis.NewScript(`
if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end
return 0
`)
