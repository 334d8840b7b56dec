package main

import (
	"fmt"
	"time"

	"github.com/tailrace/tailrace/api"
)

// brands is a house of three brands with their own pages and customer numbers; one person may have an account at each.
type brands struct {
	*stage
	people []housePerson
}

type housePerson struct {
	person
	at [3]relation // by brand, as in houseBrands
}

// relation is what somebody has to do with a brand.
type relation int

const (
	stranger relation = iota
	looker            // looks around, has a newsletter account, never ordered
	buyer             // orders now and then
	lapsed            // ordered long ago
)

const brandsDays = 240

var (
	houseBrands = [3]string{"aurora", "birch", "cedar"}
	// houseMix is how people are spread: each row is as frequent as the others.
	houseMix = [...][3]relation{
		{buyer, looker, stranger}, {stranger, looker, stranger}, {looker, looker, stranger}, {stranger, lapsed, stranger},
		{buyer, buyer, stranger}, {stranger, stranger, looker}, {stranger, lapsed, buyer}, {stranger, lapsed, looker},
	}
)

// newBrands makes a house with n people, whose history ends at now.
func newBrands(seed uint64, n int, now time.Time) *brands {
	s := &brands{stage: newStage("brands", seed, now)}
	for range n {
		s.meet()
	}
	return s
}

// meet adds a person.
func (s *brands) meet() housePerson {
	i := len(s.people)
	p := housePerson{person: s.newPerson(fmt.Sprintf("%05d", i+1), fmt.Sprintf("person%05d@people.example", i+1)), at: houseMix[i%len(houseMix)]}
	s.people = append(s.people, p)
	return p
}

func (s *brands) days() int { return brandsDays }

// consents are given to each brand for itself: most people agree, some refuse one brand, some never answered any.
func (s *brands) consents() []api.Consent {
	var out []api.Consent
	for i, p := range s.people {
		group := i / len(houseMix)
		if group%5 == 3 {
			continue
		}
		for k, brand := range houseBrands {
			c := granted(p.email, "marketing_"+brand)
			c.Kind = "email"
			if group%5 == 4 && k == i%3 {
				c.Status = "denied"
			}
			out = append(out, c)
		}
	}
	return out
}

func (s *brands) history() []demoEvent {
	var out []demoEvent
	for i, p := range s.people {
		for k := range houseBrands {
			switch p.at[k] {
			case looker:
				joined := s.ago(60)
				out = append(out, s.known(p, k, joined)...)
				for range 2 + s.rng.IntN(5) {
					out = append(out, s.viewed(p, k, s.ago(25)))
				}
			case buyer:
				joined := s.start.Add(-time.Duration(150+s.rng.IntN(brandsDays-150)) * day)
				out = append(out, s.known(p, k, joined)...)
				for range 2 + s.rng.IntN(3) {
					out = append(out, s.ordered(p, k, s.ago(140))...)
				}
			case lapsed:
				bought := s.start.Add(-time.Duration(95+s.rng.IntN(100)) * day)
				out = append(out, s.known(p, k, bought)...)
				out = append(out, s.ordered(p, k, bought.Add(time.Hour))...)
			}
		}
		if i/len(houseMix)%4 == 1 { // a busy week of the mailers
			for range 3 {
				out = append(out, s.mailed(p, s.ago(6)))
			}
		}
	}
	return s.past(out)
}

// live returns what happens in one moment: somebody looks around or orders, at times a mail is sent or somebody new comes.
func (s *brands) live(at time.Time) []demoEvent {
	p := s.people[s.rng.IntN(len(s.people))]
	dice := s.rng.Float64()
	if dice < 0.06 {
		p = s.meet()
	}
	if dice > 0.94 {
		return []demoEvent{s.mailed(p, at)}
	}
	k := s.favourite(p)
	known := s.known(p, k, at)
	if p.at[k] == looker && dice < 0.8 {
		return append(known, s.viewed(p, k, at.Add(time.Second)), s.viewed(p, k, at.Add(2*time.Second)))
	}
	return append(known, s.ordered(p, k, at.Add(time.Second))...)
}

// favourite is a brand that somebody has to do with.
func (s *brands) favourite(p housePerson) int {
	k := s.rng.IntN(len(houseBrands))
	for p.at[k] == stranger {
		k = (k + 1) % len(houseBrands)
	}
	return k
}

// of is the person as one brand knows them.
func (p housePerson) of(k int) person {
	known := p.person
	known.id, known.anonymous = houseBrands[k]+"_"+p.id, p.anonymous+"-"+houseBrands[k]
	return known
}

// known is somebody signing in at a brand. The order system knows by the address that it is a customer of another brand,
// and says so by an alias: an identify alone never makes two accounts one person.
func (s *brands) known(p housePerson, k int, at time.Time) []demoEvent {
	out := []demoEvent{s.identify(houseBrands[k]+"_web", at, p.of(k))}
	for first := range k {
		if p.at[first] != stranger {
			return append(out, s.call("server", at.Add(time.Minute), "alias", p.of(first).id, "", map[string]any{"previousId": p.of(k).id}))
		}
	}
	return out
}

// viewed carries the brand's cookie only: who it was is known from the account.
func (s *brands) viewed(p housePerson, k int, at time.Time) demoEvent {
	return s.call(houseBrands[k]+"_web", at, "track", "", p.of(k).anonymous, map[string]any{"event": "Product Viewed",
		"properties": map[string]any{"product_id": fmt.Sprintf("%s_%02d", houseBrands[k], 1+s.rng.IntN(20))}})
}

// ordered is a look at the product, and the order as the house's order system reports it.
func (s *brands) ordered(p housePerson, k int, at time.Time) []demoEvent {
	return []demoEvent{s.viewed(p, k, at.Add(-5*time.Minute)), s.call("server", at, "track", p.of(k).id, "", map[string]any{"event": "Order Completed", "properties": map[string]any{
		"order_id": fmt.Sprintf("order_%06d", s.next()), "brand": houseBrands[k], "total": round2(60 + 100*s.rng.Float64()), "currency": "EUR"}})}
}

func (s *brands) mailed(p housePerson, at time.Time) demoEvent {
	k := s.favourite(p)
	return s.call("server", at, "track", p.of(k).id, "", map[string]any{"event": "Email Sent", "properties": map[string]any{"brand": houseBrands[k]}})
}
