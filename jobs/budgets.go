package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// Budget is a rate that every process on one Redis shares.
type Budget struct {
	Rate        float64       // a second; 0: no limit
	Burst       int           // at least 1
	Concurrency int           // at a time; 0: no limit
	Hold        time.Duration // after which the place of a process that died is free; a living one renews its own
}

// Spend asks for one of budget b under key. It is either granted (wait 0; release must be called when it is over), or
// the answer says how long to wait before asking again, and nothing is reserved. The rate is kept by GCRA on the clock
// of Redis, so that processes needn't agree on theirs. A place is kept until release, or for Hold after ctx ends.
//
// Source of the algorithm: the ATM Forum's Traffic Management Specification 4.0, §4.4.2.
func (q *Queue) Spend(ctx context.Context, key string, b Budget) (wait time.Duration, release func(), err error) {
	var interval int64
	if b.Rate > 0 {
		interval = int64(1e6 / b.Rate)
	}
	p := &place{queue: q, member: uuid.NewString(), hold: max(b.Hold, time.Second)}
	keys := q.budgetKeys(key)
	micros, err := spend.Run(ctx, q.redis, keys, interval, max(b.Burst, 1), b.Concurrency, p.member, p.hold.Milliseconds()).Int64()
	if err != nil {
		return 0, nil, fmt.Errorf("asking Redis for a place in a budget: %w", err)
	}
	if micros > 0 {
		return time.Duration(micros) * time.Microsecond, nil, nil
	}
	if b.Concurrency <= 0 {
		return 0, func() {}, nil
	}
	p.key = keys[1]
	p.renewLater(ctx)
	return 0, func() { p.giveBack(ctx) }, nil
}

// place is one of those that a budget has at a time.
type place struct {
	queue       *Queue
	key, member string
	hold        time.Duration

	mu    sync.Mutex // held while Redis is asked, so that nothing is renewed after it was given back
	timer *time.Timer
	given bool
}

// renewLater keeps the place for a request that takes longer than a third of its hold; few do.
func (p *place) renewLater(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = time.AfterFunc(p.hold/3, func() { p.renew(ctx) })
}

func (p *place) renew(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.given || ctx.Err() != nil {
		return
	}
	within, cancel := context.WithTimeout(ctx, p.hold/3)
	defer cancel()
	if err := renewPlace.Run(within, p.queue.redis, []string{p.key}, p.member, p.hold.Milliseconds()).Err(); err != nil && ctx.Err() == nil {
		p.queue.log.Debug("renewing a place in a budget", "error", err)
	}
	p.timer.Reset(p.hold / 3)
}

// giveBack frees the place. One that can't be given back is free after its hold.
func (p *place) giveBack(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.given = true
	p.timer.Stop()
	if err := p.queue.redis.ZRem(context.WithoutCancel(ctx), p.key, p.member).Err(); err != nil {
		p.queue.log.Debug("giving back a place in a budget", "error", err)
	}
}

// PauseBudget grants nothing under key for d, and one at a time right after: what gathered meanwhile must not leave at
// once. A shorter pause never ends a longer one.
func (q *Queue) PauseBudget(ctx context.Context, key string, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	if err := pauseBudget.Run(ctx, q.redis, q.budgetKeys(key)[:1], d.Microseconds()).Err(); err != nil {
		return fmt.Errorf("pausing a budget: %w", err)
	}
	return nil
}

// budgetKeys are the state of the rate and who is in flight. Keys are hashed: they may name a credential.
func (q *Queue) budgetKeys(key string) []string {
	sum := sha256.Sum256([]byte(key))
	name := hex.EncodeToString(sum[:12])
	return []string{q.keys.ours("budget", name), q.keys.ours("in-flight", name)}
}

// spend grants one place or says for how many microseconds there is none.
//
//	KEYS  state (hash: tat, window, pause, all µs), in flight (sorted set by the moment at which a place is free again)
//	ARGV  interval (µs; 0: no rate), burst, concurrency (0: any), member, hold (ms)
var spend = redis.NewScript(`
local t = redis.call("TIME")
local now = t[1] * 1000000 + t[2]
local interval, burst, most, hold = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[5])
local state = redis.call("HMGET", KEYS[1], "tat", "pause")
local tat, pause = tonumber(state[1] or 0), tonumber(state[2] or 0)
if pause > now then return pause - now end
if most > 0 then
  redis.call("ZREMRANGEBYSCORE", KEYS[2], "-inf", now)
  if redis.call("ZCARD", KEYS[2]) >= most then return 25000 end
end
if interval > 0 then
  tat = math.max(tat, now)
  local early = tat + interval - interval * burst
  if early > now then return early - now end
  redis.call("HSET", KEYS[1], "tat", string.format("%.0f", tat + interval), "window", string.format("%.0f", interval * (burst - 1)))
  redis.call("PEXPIRE", KEYS[1], math.ceil((tat + interval - now) / 1000) + 3600000)
end
if most > 0 then
  redis.call("ZADD", KEYS[2], string.format("%.0f", now + hold * 1000), ARGV[4])
  redis.call("PEXPIRE", KEYS[2], hold + 1000)
end
return 0
`)

// renewPlace keeps a place for ARGV[2] ms more, if it is still there.
var renewPlace = redis.NewScript(`
local t = redis.call("TIME")
local until_ = t[1] * 1000000 + t[2] + tonumber(ARGV[2]) * 1000
if redis.call("ZSCORE", KEYS[1], ARGV[1]) then
  redis.call("ZADD", KEYS[1], string.format("%.0f", until_), ARGV[1])
  redis.call("PEXPIRE", KEYS[1], tonumber(ARGV[2]) + 1000)
end
return 1
`)

// pauseBudget grants nothing for ARGV[1] µs.
var pauseBudget = redis.NewScript(`
local t = redis.call("TIME")
local until_ = t[1] * 1000000 + t[2] + tonumber(ARGV[1])
local state = redis.call("HMGET", KEYS[1], "tat", "window", "pause")
if until_ > tonumber(state[3] or 0) then
  local tat = math.max(tonumber(state[1] or 0), until_ + tonumber(state[2] or 0))
  redis.call("HSET", KEYS[1], "pause", string.format("%.0f", until_), "tat", string.format("%.0f", tat))
  redis.call("PEXPIRE", KEYS[1], math.ceil(tonumber(ARGV[1]) / 1000) + 3600000)
end
return 1
`)
