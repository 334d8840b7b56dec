package main

import (
	"fmt"
	"time"

	"github.com/tailrace/tailrace/api"
)

// shop is a small online shop: the same seed gives the same people, products and orders.
type shop struct {
	*stage
	customers []customer
	products  []product
}

type customer struct {
	person
	joined   time.Time
	appetite float64 // orders a month while active
	quits    time.Time
}

type product struct {
	sku, name string
	price     float64
	stock     int
}

const shopDays = 150

// newShop makes a shop of n people whose history ends at now.
func newShop(seed uint64, n int, now time.Time) *shop {
	s := &shop{stage: newStage("shop", seed, now)}
	for i, name := range []string{"Kettle", "Teapot", "Espresso cup", "Grinder", "Filter papers", "Milk jug", "Scale", "Thermos", "Tea tin", "Sugar bowl", "Tray", "Gift box"} {
		s.products = append(s.products, product{sku: fmt.Sprintf("sku_%02d", i+1), name: name, price: 6 + float64(s.rng.IntN(9000))/100, stock: s.rng.IntN(40)})
	}
	s.products[3].stock, s.products[8].stock = 0, 0 // something is always sold out
	for i := range n {
		s.customers = append(s.customers, s.newCustomer(i+1, s.start.Add(-time.Duration(s.rng.IntN(shopDays*24))*time.Hour)))
	}
	s.customers[0].email = "invalid@shop.example" // the CRM refuses this one, every time
	return s
}

func (s *shop) newCustomer(i int, joined time.Time) customer {
	c := customer{person: s.newPerson(fmt.Sprintf("cust_%04d", i), fmt.Sprintf("customer%04d@shop.example", i)), joined: joined, appetite: 0.2 + s.rng.ExpFloat64()*0.9}
	if s.rng.Float64() < 0.4 { // some people stop coming back
		c.quits = joined.Add(time.Duration(20+s.rng.IntN(40)) * 24 * time.Hour)
	}
	return c
}

func (s *shop) days() int { return shopDays }

// consents are what people ticked: five of six agree to marketing, the rest never said anything.
func (s *shop) consents() []api.Consent {
	var out []api.Consent
	for i, p := range s.customers {
		if i%6 != 5 {
			out = append(out, granted(p.id, "marketing"))
		}
	}
	return out
}

// history returns everything that happened up to the shop's start, in order.
func (s *shop) history() []demoEvent {
	var out []demoEvent
	for _, p := range s.products {
		out = append(out, s.stockUpdated(p, s.start.Add(-shopDays*24*time.Hour)))
	}
	for _, p := range s.customers {
		out = append(out, s.signUp(p.person, p.joined)...)
		if s.rng.Float64() < 0.15 {
			continue // signed up and never bought: activated, not converted
		}
		at := p.joined
		for {
			at = at.Add(time.Duration(s.rng.ExpFloat64() / p.appetite * float64(30*24*time.Hour)))
			if at.After(s.start) || (!p.quits.IsZero() && at.After(p.quits)) {
				break
			}
			out = append(out, s.visit(p.person, at, 0.7)...)
		}
	}
	for range len(s.customers) / 12 { // carts that are still warm
		p := s.customers[s.rng.IntN(len(s.customers))]
		out = append(out, s.visit(p.person, s.start.Add(-time.Duration(1+s.rng.IntN(40))*time.Hour), 0)...)
	}
	return s.past(out)
}

// live returns what happens in one moment of the running shop: a visit, at times a new customer or a delivery.
func (s *shop) live(at time.Time) []demoEvent {
	switch dice := s.rng.Float64(); {
	case dice < 0.08:
		p := s.newCustomer(len(s.customers)+1, at)
		s.customers = append(s.customers, p)
		return s.signUp(p.person, at)
	case dice < 0.12:
		i := s.rng.IntN(len(s.products))
		s.products[i].stock += 10
		return []demoEvent{s.stockUpdated(s.products[i], at)}
	default:
		return s.visit(s.customers[s.rng.IntN(len(s.customers))].person, at, 0.5)
	}
}

// signUp is what a browser sends around a registration: pages before it under the anonymous id only.
func (s *shop) signUp(p person, at time.Time) []demoEvent {
	before := at.Add(-5 * time.Minute)
	view := s.product()
	return []demoEvent{
		s.call("web", before, "page", "", p.anonymous, map[string]any{"name": "Home", "properties": map[string]any{"path": "/"}}),
		s.call("web", before.Add(time.Minute), "track", "", p.anonymous, map[string]any{"event": "Product Viewed", "properties": view}),
		s.identify("web", at, p),
		s.call("web", at.Add(time.Second), "track", p.id, p.anonymous, map[string]any{"event": "Signed Up", "properties": map[string]any{"plan": "standard"}}),
	}
}

// visit is a person looking around, filling a cart and, with the given chance, buying it.
func (s *shop) visit(p person, at time.Time, buys float64) []demoEvent {
	out := []demoEvent{s.call("web", at, "track", p.id, p.anonymous, map[string]any{"event": "Product Viewed", "properties": s.product()})}
	cart := fmt.Sprintf("cart_%06d", s.next())
	var lines []map[string]any
	total := 0.0
	for range 1 + s.rng.IntN(3) {
		line := s.product()
		line["cart_id"] = cart
		lines = append(lines, line)
		total += line["price"].(float64) * float64(line["quantity"].(int))
		at = at.Add(time.Duration(20+s.rng.IntN(90)) * time.Second)
		out = append(out, s.call("web", at, "track", p.id, p.anonymous, map[string]any{"event": "Product Added", "properties": line}))
	}
	if s.rng.Float64() < 0.8 {
		at = at.Add(time.Minute)
		out = append(out, s.call("web", at, "track", p.id, p.anonymous, map[string]any{"event": "Checkout Started", "properties": map[string]any{"cart_id": cart, "value": round2(total)}}))
	}
	if s.rng.Float64() < buys {
		at = at.Add(2 * time.Minute)
		out = append(out, s.call("web", at, "track", p.id, p.anonymous, map[string]any{"event": "Order Completed", "properties": map[string]any{
			"order_id": fmt.Sprintf("order_%06d", s.next()), "cart_id": cart, "total": round2(total), "revenue": round2(total), "currency": "EUR", "products": lines}}))
	}
	return out
}

func (s *shop) stockUpdated(p product, at time.Time) demoEvent {
	return s.call("server", at, "track", "stock-system", "", map[string]any{"event": "Stock Updated", "properties": map[string]any{"sku": p.sku, "name": p.name, "quantity": p.stock}})
}

func (s *shop) product() map[string]any {
	p := s.products[s.rng.IntN(len(s.products))]
	return map[string]any{"product_id": p.sku, "sku": p.sku, "name": p.name, "price": p.price, "quantity": 1 + s.rng.IntN(3), "currency": "EUR"}
}
