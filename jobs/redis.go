package jobs

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// connect returns a client for the URL, or for a Redis in this process when it is empty.
func connect(redisURL string) (redis.UniversalClient, *miniredis.Miniredis, error) {
	if redisURL == "" {
		inside := miniredis.NewMiniRedis()
		if err := inside.Start(); err != nil {
			return nil, nil, fmt.Errorf("starting Redis in process: %w", err)
		}
		// Without it nothing ever expires, and a lease would be held for ever.
		inside.ClockTTL(true)
		return redis.NewClient(&redis.Options{Addr: inside.Addr()}), inside, nil
	}
	u, err := url.Parse(redisURL)
	if err != nil {
		// The parser's error repeats the URL, which may hold a password.
		return nil, nil, errors.New("reading the Redis URL: it is no URL; expected redis://host:port/0")
	}
	switch u.Scheme {
	case "redis", "rediss", "unix":
		opt, err := redis.ParseURL(redisURL)
		if err != nil {
			return nil, nil, fmt.Errorf("reading the Redis URL of %s: %w", u.Redacted(), err)
		}
		return redis.NewClient(opt), nil, nil
	case "redis-sentinel":
		opt, err := sentinelOptions(u)
		if err != nil {
			return nil, nil, err
		}
		return redis.NewFailoverClient(opt), nil, nil
	default:
		return nil, nil, fmt.Errorf("reading the Redis URL: unknown scheme %q; use redis, rediss, unix or redis-sentinel (Redis Cluster isn't supported)", u.Scheme)
	}
}

func sentinelOptions(u *url.URL) (*redis.FailoverOptions, error) {
	opt := &redis.FailoverOptions{MasterName: u.Query().Get("master"), SentinelAddrs: strings.Split(u.Host, ",")}
	if opt.MasterName == "" {
		return nil, errors.New("reading the Redis URL: redis-sentinel needs ?master=NAME")
	}
	if db := strings.Trim(u.Path, "/"); db != "" {
		n, err := strconv.Atoi(db)
		if err != nil {
			return nil, fmt.Errorf("reading the Redis URL: %q is no database number", db)
		}
		opt.DB = n
	}
	opt.Username = u.User.Username()
	opt.Password, _ = u.User.Password()
	opt.SentinelUsername, opt.SentinelPassword = opt.Username, opt.Password
	return opt, nil
}
