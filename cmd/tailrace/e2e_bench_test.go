package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/connectors/sandbox"
)

// benchTraffic is how long BenchmarkDelay sends events, benchWarm how much of it doesn't count.
const (
	benchTraffic = 25 * time.Second
	benchWarm    = 5 * time.Second
)

// delayFiles are a project where an order is forwarded as it is, and where its buyer enters an audience that is a list
// at the same destination. Both follow what they read.
func delayFiles(receiver string) map[string]string {
	return map[string]string{
		"tailrace.yml":           "name: bench\noutbound: { allow: [\"" + receiver + "\"] }\n",
		"sources/app.yml":        bare["sources/app.yml"],
		"destinations/there.yml": "connector: webhook\nbase_url: http://" + receiver + "\ncredentials: { secret: " + "${env:BENCH_SECRET}" + " }\nrate: 500\n",
		"audiences/buyers.sql":   "/* audience\ndescription: Everybody who ever ordered\n*/\nSELECT profile_id, any(user_id) AS customer FROM events WHERE event = 'Order Completed' GROUP BY profile_id\n",
		"syncs/buyers_list.yml":  "audience: buyers\ndestination: there\nobject: list\nmode: audience\nmatch: { customer: customer }\nschedule: on_change\n",
		"syncs/orders.yml":       "events: [Order Completed]\ndestination: there\nobject: orders\nmode: append\nmatch: { customer: user_id }\nfields: { total: properties.total }\nschedule: on_change\n",
	}
}

// arrivals is a receiver that notes when it got what.
type arrivals struct {
	mu     sync.Mutex
	events map[string]time.Time // by customer
	added  map[string]time.Time
}

func (a *arrivals) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	now := time.Now()
	type item struct {
		Identifiers map[string]string `json:"identifiers"`
	}
	var m struct {
		Data struct {
			Added  []item `json:"added"`
			Events []item `json:"events"`
		} `json:"data"`
	}
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		return // who is missing fails the benchmark
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, i := range m.Data.Events {
		a.events[i.Identifiers["customer"]] = now
	}
	for _, i := range m.Data.Added {
		a.added[i.Identifiers["customer"]] = now
	}
}

func (a *arrivals) count() (events, added int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.events), len(a.added)
}

// delays are how long after it was sent each customer's order arrived, in order; those of the warm-up are left out.
func delays(sent, arrived map[string]time.Time, from time.Time) []float64 {
	var out []float64
	for customer, at := range sent {
		if !at.Before(from) {
			out = append(out, float64(arrived[customer].Sub(at).Milliseconds()))
		}
	}
	slices.Sort(out)
	return out
}

func percentile(sorted []float64, p float64) float64 { return sorted[int(p*float64(len(sorted)-1))] }

// BenchmarkDelay sends 1,000 events a second to the real binary, one in 25 an order of a new customer, and measures
// how long it takes until a receiver outside has the order, and the customer as a member of the audience's list. Time
// starts just before the event's request is made and ends when the receiver has the message.
func BenchmarkDelay(b *testing.B) {
	for range b.N {
		benchDelay(b)
	}
}

func benchDelay(b *testing.B) {
	got := &arrivals{events: map[string]time.Time{}, added: map[string]time.Time{}}
	receiver := httptest.NewServer(got)
	b.Cleanup(receiver.Close)
	p := setup(b, delayFiles(strings.TrimPrefix(receiver.URL, "http://")), "BENCH_SECRET="+sandbox.WebhookSecret)
	p.start()

	const clients, batch, pause = 4, 50, 200 * time.Millisecond // 4 × 50 events five times a second
	sent := map[string]time.Time{}
	var mu sync.Mutex
	var all sync.WaitGroup
	began := time.Now()
	for c := range clients {
		all.Go(func() {
			for i := 0; time.Since(began) < benchTraffic; i++ {
				events := make([]map[string]any, batch)
				for n := range events {
					id := fmt.Sprintf("%d-%d-%d", c, i, n)
					events[n] = trackEvent("m-"+id, fmt.Sprintf("visitor-%d", (i*batch+n)*31%5000), "Product Viewed",
						map[string]any{"product_id": "sku-" + id, "name": "A shoe", "category": "shoes", "price": 49.9, "currency": "EUR", "url": strings.Repeat("https://shop.example/p/", 15)})
					if n%25 == 0 {
						events[n]["event"], events[n]["userId"] = "Order Completed", "customer-"+id
						events[n]["properties"] = map[string]any{"order_id": id, "total": 49.9, "currency": "EUR"}
					}
				}
				now := time.Now()
				status, err := p.post(events)
				if err != nil || status != http.StatusOK {
					b.Errorf("the collector answers %d: %v", status, err)
					return
				}
				mu.Lock()
				for n := 0; n < batch; n += 25 {
					sent[events[n]["userId"].(string)] = now
				}
				mu.Unlock()
				<-time.After(time.Until(began.Add(time.Duration(i+1) * pause))) // a client that is late catches up
			}
		})
	}
	all.Wait()
	took := time.Since(began)
	require.False(b, b.Failed())
	p.within(2*time.Minute, "all orders and all members arrive", func() bool {
		events, added := got.count()
		return events == len(sent) && added == len(sent)
	})
	got.mu.Lock()
	defer got.mu.Unlock()
	for name, arrived := range map[string]map[string]time.Time{"forwarded": got.events, "member": got.added} {
		d := delays(sent, arrived, began.Add(benchWarm))
		b.ReportMetric(percentile(d, 0.95), name+"_p95_ms")
		b.ReportMetric(percentile(d, 0.5), name+"_p50_ms")
	}
	b.ReportMetric(25*float64(len(sent))/took.Seconds(), "events/s")
	versions := call[pageOf[audiences.Materialization]](p, http.MethodGet, "/api/v1/audiences/buyers/versions?limit=200", nil).Items
	var working time.Duration
	for _, v := range versions {
		working += v.UpdatedAt.Sub(v.QueuedAt)
	}
	b.ReportMetric(float64(len(versions)), "versions")
	b.ReportMetric(float64(working.Milliseconds())/float64(len(versions)), "version_ms")
	_, err := p.terminate()
	require.NoError(b, err)
}
