package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"time"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/sql"
)

// demoPlay is a seeded model of a business. It knows nothing of Tailrace: it only writes what SDKs would send.
type demoPlay interface {
	days() int                     // of history
	history() []demoEvent          // what happened up to the start, in order
	consents() []api.Consent       // what people agreed to until then
	live(at time.Time) []demoEvent // what happens in one moment of the running business
}

// plays are the examples that have traffic, by name: n is how many people take part, the history ends at now.
var plays = map[string]func(seed uint64, n int, now time.Time) demoPlay{
	"shop":   func(seed uint64, n int, now time.Time) demoPlay { return newShop(seed, n, now) },
	"saas":   func(seed uint64, n int, now time.Time) demoPlay { return newSaas(seed, n, now) },
	"brands": func(seed uint64, n int, now time.Time) demoPlay { return newBrands(seed, n, now) },
}

// played are the examples with traffic.
var played = slices.DeleteFunc(slices.Clone(sql.Examples), func(e sql.Example) bool { return plays[e.Name] == nil })

// demoEvent is one call of Segment's tracking API, with the moment it happened and the source that sends it.
type demoEvent struct {
	At     time.Time
	Source string
	Body   map[string]any
}

// stage is what the plays have in common.
type stage struct {
	name  string
	rng   *rand.Rand
	start time.Time
	seq   int
}

func newStage(name string, seed uint64, now time.Time) *stage {
	return &stage{name: name, rng: rand.New(rand.NewPCG(seed, 0x5407)), start: now.UTC().Truncate(time.Second)}
}

type person struct {
	id, anonymous, first, last, email, phone string
}

var (
	firstNames = []string{"Ada", "Alan", "Barbara", "Claude", "Dorothy", "Edsger", "Frances", "Grace", "Hedy", "Ivan", "Joan", "Katherine", "Linus", "Margaret", "Niklaus", "Olga", "Peter", "Radia", "Sophie", "Tim", "Ursula", "Vint", "Wendy", "Yukihiro", "Zoë"}
	lastNames  = []string{"Allen", "Booth", "Chen", "Dijkstra", "Eckert", "Fischer", "Goldberg", "Hopper", "Ito", "Jensen", "Kowalski", "Lamport", "Moreau", "Nakamura", "O'Brien", "Perlman", "Quist", "Rossi", "Şahin", "Torvalds", "Umarov", "Vaughan", "Wirth", "Yılmaz", "Ziegler"}
)

func (s *stage) newPerson(id, email string) person {
	first, last := firstNames[s.rng.IntN(len(firstNames))], lastNames[s.rng.IntN(len(lastNames))]
	return person{id: id, anonymous: fmt.Sprintf("anon-%08x", s.rng.Uint32()), first: first, last: last, email: email, phone: fmt.Sprintf("+4930%07d", s.rng.IntN(10_000_000))}
}

// identify is the call that tells who somebody is.
func (s *stage) identify(source string, at time.Time, p person) demoEvent {
	return s.call(source, at, "identify", p.id, p.anonymous, map[string]any{"traits": map[string]any{
		"email": p.email, "firstName": p.first, "lastName": p.last, "phone": p.phone, "createdAt": at.Format(time.RFC3339)}})
}

func (s *stage) call(source string, at time.Time, kind, user, anonymous string, body map[string]any) demoEvent {
	body["type"] = kind
	body["messageId"] = fmt.Sprintf("%s-%d-%06d", s.name, s.start.Unix(), s.next())
	body["timestamp"] = at.UTC().Format("2006-01-02T15:04:05.000Z07:00")
	extra, _ := body["context"].(map[string]any)
	if extra == nil {
		extra = map[string]any{}
	}
	extra["library"] = map[string]any{"name": "tailrace-demo", "version": "1"}
	body["context"] = extra
	if user != "" {
		body["userId"] = user
	}
	if anonymous != "" {
		body["anonymousId"] = anonymous
	}
	return demoEvent{At: at, Source: source, Body: body}
}

func (s *stage) next() int { s.seq++; return s.seq }

// ago is a random moment of the days before the start.
func (s *stage) ago(days int) time.Time {
	return s.start.Add(-time.Duration(s.rng.IntN(days*24*60)) * time.Minute)
}

// past puts events in order, and leaves out what would happen after the start.
func (s *stage) past(events []demoEvent) []demoEvent {
	sort.SliceStable(events, func(i, j int) bool { return events[i].At.Before(events[j].At) })
	return events[:sort.Search(len(events), func(i int) bool { return events[i].At.After(s.start) })]
}

func granted(user, category string) api.Consent {
	return api.Consent{Identifier: api.Identifier{Kind: "user_id", Value: user}, Category: category, Status: "granted", Source: "signup_form"}
}

func round2(x float64) float64 { return float64(int(x*100+0.5)) / 100 }

// demoBatch is a body of POST /v1/batch for one source.
type demoBatch struct {
	source string
	body   []byte
}

// demoBatches encodes events as batches of at most size events, each of one source, in their order.
func demoBatches(events []demoEvent, size int, sentAt time.Time) ([]demoBatch, error) {
	var out []demoBatch
	encode := func(source string, batch []map[string]any) error {
		body, err := json.Marshal(map[string]any{"batch": batch, "sentAt": sentAt.UTC().Format(time.RFC3339Nano)})
		if err != nil {
			return fmt.Errorf("encoding %d events: %w", len(batch), err)
		}
		out = append(out, demoBatch{source, body})
		return nil
	}
	waiting, sources := map[string][]map[string]any{}, []string{}
	for _, e := range events {
		if waiting[e.Source] == nil {
			sources = append(sources, e.Source)
		}
		if waiting[e.Source] = append(waiting[e.Source], e.Body); len(waiting[e.Source]) == size {
			if err := encode(e.Source, waiting[e.Source]); err != nil {
				return nil, err
			}
			waiting[e.Source] = waiting[e.Source][:0]
		}
	}
	for _, source := range sources {
		if len(waiting[source]) > 0 {
			if err := encode(source, waiting[source]); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}
