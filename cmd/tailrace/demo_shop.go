package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sort"
	"time"
)

// shop is a seeded model of a small online shop: the same seed gives the same people, products and orders
// relative to the moment it starts. It knows nothing of Tailrace: it only writes what an SDK would send.
type shop struct {
	rng      *rand.Rand
	start    time.Time
	people   []person
	products []product
	seq      int
}

type person struct {
	id, anonymous, first, last, email, phone string
	joined                                   time.Time
	appetite                                 float64 // orders a month while active
	quits                                    time.Time
}

type product struct {
	sku, name string
	price     float64
	stock     int
}

// shopEvent is one call of Segment's tracking API, with the moment it happened.
type shopEvent struct {
	At   time.Time
	Body map[string]any
}

const shopDays = 150

var (
	firstNames = []string{"Ada", "Alan", "Barbara", "Claude", "Dorothy", "Edsger", "Frances", "Grace", "Hedy", "Ivan", "Joan", "Katherine", "Linus", "Margaret", "Niklaus", "Olga", "Peter", "Radia", "Sophie", "Tim", "Ursula", "Vint", "Wendy", "Yukihiro", "Zoë"}
	lastNames  = []string{"Allen", "Booth", "Chen", "Dijkstra", "Eckert", "Fischer", "Goldberg", "Hopper", "Ito", "Jensen", "Kowalski", "Lamport", "Moreau", "Nakamura", "O'Brien", "Perlman", "Quist", "Rossi", "Şahin", "Torvalds", "Umarov", "Vaughan", "Wirth", "Yılmaz", "Ziegler"}
)

// newShop makes a shop of n people whose history ends at now.
func newShop(seed uint64, n int, now time.Time) *shop {
	s := &shop{rng: rand.New(rand.NewPCG(seed, 0x5407)), start: now.UTC().Truncate(time.Second)}
	for i, name := range []string{"Kettle", "Teapot", "Espresso cup", "Grinder", "Filter papers", "Milk jug", "Scale", "Thermos", "Tea tin", "Sugar bowl", "Tray", "Gift box"} {
		s.products = append(s.products, product{sku: fmt.Sprintf("sku_%02d", i+1), name: name, price: 6 + float64(s.rng.IntN(9000))/100, stock: s.rng.IntN(40)})
	}
	s.products[3].stock, s.products[8].stock = 0, 0 // something is always sold out
	for i := range n {
		s.people = append(s.people, s.newPerson(i+1, s.start.Add(-time.Duration(s.rng.IntN(shopDays*24))*time.Hour)))
	}
	s.people[0].email = "invalid@shop.example" // the CRM refuses this one, every time
	return s
}

func (s *shop) newPerson(i int, joined time.Time) person {
	first, last := firstNames[s.rng.IntN(len(firstNames))], lastNames[s.rng.IntN(len(lastNames))]
	p := person{
		id: fmt.Sprintf("cust_%04d", i), anonymous: fmt.Sprintf("anon-%08x", s.rng.Uint32()),
		first: first, last: last, email: fmt.Sprintf("customer%04d@shop.example", i),
		phone: fmt.Sprintf("+4930%07d", s.rng.IntN(10_000_000)), joined: joined, appetite: 0.2 + s.rng.ExpFloat64()*0.9,
	}
	if s.rng.Float64() < 0.4 { // some people stop coming back
		p.quits = joined.Add(time.Duration(20+s.rng.IntN(40)) * 24 * time.Hour)
	}
	return p
}

// history returns everything that happened up to the shop's start, in order.
func (s *shop) history() []shopEvent {
	var out []shopEvent
	for _, p := range s.products {
		out = append(out, s.stockUpdated(p, s.start.Add(-shopDays*24*time.Hour)))
	}
	for _, p := range s.people {
		out = append(out, s.signUp(p, p.joined)...)
		if s.rng.Float64() < 0.15 {
			continue // signed up and never bought: activated, not converted
		}
		at := p.joined
		for {
			at = at.Add(time.Duration(s.rng.ExpFloat64() / p.appetite * float64(30*24*time.Hour)))
			if at.After(s.start) || (!p.quits.IsZero() && at.After(p.quits)) {
				break
			}
			out = append(out, s.visit(p, at, 0.7)...)
		}
	}
	for range len(s.people) / 12 { // carts that are still warm
		p := s.people[s.rng.IntN(len(s.people))]
		out = append(out, s.visit(p, s.start.Add(-time.Duration(1+s.rng.IntN(40))*time.Hour), 0)...)
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].At.Before(out[j].At) })
	for len(out) > 0 && out[len(out)-1].At.After(s.start) {
		out = out[:len(out)-1]
	}
	return out
}

// live returns what happens in one moment of the running shop: a visit, at times a new customer or a delivery.
func (s *shop) live(at time.Time) []shopEvent {
	switch dice := s.rng.Float64(); {
	case dice < 0.08:
		p := s.newPerson(len(s.people)+1, at)
		s.people = append(s.people, p)
		return s.signUp(p, at)
	case dice < 0.12:
		i := s.rng.IntN(len(s.products))
		s.products[i].stock += 10
		return []shopEvent{s.stockUpdated(s.products[i], at)}
	default:
		return s.visit(s.people[s.rng.IntN(len(s.people))], at, 0.5)
	}
}

// signUp is what a browser sends around a registration: pages before it under the anonymous id only.
func (s *shop) signUp(p person, at time.Time) []shopEvent {
	before := at.Add(-5 * time.Minute)
	view := s.product()
	return []shopEvent{
		s.call(before, "page", "", p.anonymous, map[string]any{"name": "Home", "properties": map[string]any{"path": "/"}}),
		s.call(before.Add(time.Minute), "track", "", p.anonymous, map[string]any{"event": "Product Viewed", "properties": view}),
		s.call(at, "identify", p.id, p.anonymous, map[string]any{"traits": map[string]any{
			"email": p.email, "firstName": p.first, "lastName": p.last, "phone": p.phone, "createdAt": at.Format(time.RFC3339)}}),
		s.call(at.Add(time.Second), "track", p.id, p.anonymous, map[string]any{"event": "Signed Up", "properties": map[string]any{"plan": "standard"}}),
	}
}

// visit is a person looking around, filling a cart and, with the given chance, buying it.
func (s *shop) visit(p person, at time.Time, buys float64) []shopEvent {
	out := []shopEvent{s.call(at, "track", p.id, p.anonymous, map[string]any{"event": "Product Viewed", "properties": s.product()})}
	cart := fmt.Sprintf("cart_%06d", s.next())
	var lines []map[string]any
	total := 0.0
	for range 1 + s.rng.IntN(3) {
		line := s.product()
		line["cart_id"] = cart
		lines = append(lines, line)
		total += line["price"].(float64) * float64(line["quantity"].(int))
		at = at.Add(time.Duration(20+s.rng.IntN(90)) * time.Second)
		out = append(out, s.call(at, "track", p.id, p.anonymous, map[string]any{"event": "Product Added", "properties": line}))
	}
	if s.rng.Float64() < 0.8 {
		at = at.Add(time.Minute)
		out = append(out, s.call(at, "track", p.id, p.anonymous, map[string]any{"event": "Checkout Started", "properties": map[string]any{"cart_id": cart, "value": round2(total)}}))
	}
	if s.rng.Float64() < buys {
		at = at.Add(2 * time.Minute)
		out = append(out, s.call(at, "track", p.id, p.anonymous, map[string]any{"event": "Order Completed", "properties": map[string]any{
			"order_id": fmt.Sprintf("order_%06d", s.next()), "cart_id": cart, "total": round2(total), "revenue": round2(total), "currency": "EUR", "products": lines}}))
	}
	return out
}

func (s *shop) stockUpdated(p product, at time.Time) shopEvent {
	return s.call(at, "track", "stock-system", "", map[string]any{"event": "Stock Updated", "properties": map[string]any{"sku": p.sku, "name": p.name, "quantity": p.stock}})
}

func (s *shop) product() map[string]any {
	p := s.products[s.rng.IntN(len(s.products))]
	return map[string]any{"product_id": p.sku, "sku": p.sku, "name": p.name, "price": p.price, "quantity": 1 + s.rng.IntN(3), "currency": "EUR"}
}

func (s *shop) call(at time.Time, kind, user, anonymous string, body map[string]any) shopEvent {
	body["type"] = kind
	body["messageId"] = fmt.Sprintf("shop-%d-%06d", s.start.Unix(), s.next())
	body["timestamp"] = at.UTC().Format("2006-01-02T15:04:05.000Z07:00")
	body["context"] = map[string]any{"library": map[string]any{"name": "tailrace-demo", "version": "1"}}
	if user != "" {
		body["userId"] = user
	}
	if anonymous != "" {
		body["anonymousId"] = anonymous
	}
	return shopEvent{At: at, Body: body}
}

func (s *shop) next() int { s.seq++; return s.seq }

func round2(x float64) float64 { return float64(int(x*100+0.5)) / 100 }

// shopBatches encodes events as bodies of POST /v1/batch, at most size events each.
func shopBatches(events []shopEvent, size int, sentAt time.Time) ([][]byte, error) {
	var out [][]byte
	for len(events) > 0 {
		n := min(size, len(events))
		batch := make([]map[string]any, n)
		for i, e := range events[:n] {
			batch[i] = e.Body
		}
		body, err := json.Marshal(map[string]any{"batch": batch, "sentAt": sentAt.UTC().Format(time.RFC3339Nano)})
		if err != nil {
			return nil, fmt.Errorf("encoding %d events of the shop: %w", n, err)
		}
		out = append(out, body)
		events = events[n:]
	}
	return out, nil
}
