package jobs

import (
	"context"
	"fmt"
	"strings"
)

// Progress is one live message. It is for people who watch: what isn't watched is gone.
type Progress struct {
	Topic string
	Data  []byte
}

// Publish sends data to whoever is subscribed to topic now, in any process. No personal data.
func (q *Queue) Publish(ctx context.Context, topic string, data []byte) error {
	if err := q.redis.Publish(ctx, q.keys.ours("progress", topic), data).Err(); err != nil {
		return fmt.Errorf("publishing progress of %s: %w", topic, err)
	}
	return nil
}

// Subscribe returns what is published to topic from now on, until ctx ends; the channel is closed then. A
// topic that ends in * takes every topic that begins so. A slow reader loses messages.
func (q *Queue) Subscribe(ctx context.Context, topic string) (<-chan Progress, error) {
	key := q.keys.ours("progress", topic)
	sub := q.redis.Subscribe(ctx)
	var err error
	if prefix, ok := strings.CutSuffix(key, "*"); ok {
		err = sub.PSubscribe(ctx, escapePattern(prefix)+"*")
	} else {
		err = sub.Subscribe(ctx, key)
	}
	if err == nil {
		_, err = sub.Receive(ctx) // wait for the confirmation, or the first messages would be lost
	}
	if err != nil {
		if cerr := sub.Close(); cerr != nil {
			q.log.Debug("closing a subscription", "error", cerr)
		}
		return nil, fmt.Errorf("subscribing to progress of %s: %w", topic, err)
	}
	out := make(chan Progress, 64)
	go func() {
		defer close(out)
		defer func() {
			if err := sub.Close(); err != nil {
				q.log.Debug("closing a subscription", "error", err)
			}
		}()
		in := sub.Channel()
		for {
			select {
			case <-ctx.Done():
				return
			case m, ok := <-in:
				if !ok {
					return
				}
				p := Progress{Topic: strings.TrimPrefix(m.Channel, q.keys.ours("progress", "")), Data: []byte(m.Payload)}
				select {
				case out <- p:
				default: // the reader is slow, and progress isn't worth waiting for
				}
			}
		}
	}()
	return out, nil
}

func escapePattern(s string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(s)
}
