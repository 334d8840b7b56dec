package main

import (
	"fmt"
	"time"

	"github.com/tailrace/tailrace/api"
)

// saas is a product for teams: workspaces begin with a trial, invite people, use features, subscribe, fade and cancel.
type saas struct {
	*stage
	people     []person
	workspaces []workspace
}

type workspace struct {
	id, name string
	created  time.Time
	members  []int   // of people; the first one owns it
	rhythm   float64 // chance that a member is there on a working day
	fades    time.Time
	pays     time.Time
	cancels  time.Time
}

const (
	saasDays  = 120
	trialDays = 14
	day       = 24 * time.Hour
)

var (
	saasNames    = []string{"Acorn", "Beacon", "Cobalt", "Dune", "Ember", "Fjord", "Gable", "Harbor", "Iris", "Juniper", "Kestrel", "Lumen", "Maple", "Nimbus", "Orchard", "Pebble"}
	saasTrades   = []string{"Architects", "Bakery", "Clinic", "Logistics", "Press", "Robotics", "School", "Studio", "Travel"}
	saasFeatures = []string{"boards", "reports", "automations", "calendar", "exports", "comments"}
)

// newSaas makes a product with n people, whose history ends at now.
func newSaas(seed uint64, n int, now time.Time) *saas {
	s := &saas{stage: newStage("saas", seed, now)}
	for len(s.people) < n {
		i := len(s.workspaces)
		w := workspace{rhythm: 0.15 + 0.5*s.rng.Float64()}
		age, size := 20+s.rng.IntN(saasDays-20), 1+s.rng.IntN(10)
		switch {
		case i%8 == 7: // an agency tries it for another client
			age, w.rhythm = 9+s.rng.IntN(4), 0.9
			w.members = []int{s.workspaces[i-1].members[0]}
		case i%4 == 1 || i%8 == 6: // pays, and fades
			age, size, w.rhythm = 80+s.rng.IntN(30), 4+s.rng.IntN(6), 0.7
			w.pays, w.fades = s.before(age-9), s.before(22+s.rng.IntN(6))
		case i%3 == 0: // in its trial
			age, size, w.rhythm = 1+(i/3*4+10)%13, 3+s.rng.IntN(7), w.rhythm+0.2
		case i%5 == 4: // tried it, and left
			w.fades = s.before(age - trialDays)
		default:
			w.pays = s.before(age - 3 - s.rng.IntN(trialDays-3))
			if i%11 == 10 {
				w.cancels = s.before(s.rng.IntN(5))
			}
		}
		w.created = s.before(age).Add(-time.Duration(s.rng.IntN(80000)) * time.Second)
		s.found(w, size)
	}
	return s
}

// before is so many days before the start.
func (s *saas) before(days int) time.Time { return s.start.Add(-time.Duration(days) * day) }

// found adds a workspace, with new people until it has size.
func (s *saas) found(w workspace, size int) *workspace {
	i := len(s.workspaces)
	w.id, w.name = fmt.Sprintf("ws_%04d", i+1), saasNames[i%len(saasNames)]+" "+saasTrades[s.rng.IntN(len(saasTrades))]
	for len(w.members) < size {
		s.hire(&w)
	}
	s.workspaces = append(s.workspaces, w)
	return &s.workspaces[i]
}

// hire adds a new person to a workspace.
func (s *saas) hire(w *workspace) int {
	k := len(s.people)
	s.people = append(s.people, s.newPerson(fmt.Sprintf("user_%05d", k+1), fmt.Sprintf("user%05d@company%s.example", k+1, w.id[3:])))
	w.members = append(w.members, k)
	return k
}

func (s *saas) days() int { return saasDays }

// consents are what people said about mails: most agree, some refuse, some never answered.
func (s *saas) consents() []api.Consent {
	var out []api.Consent
	for i, p := range s.people {
		switch c := granted(p.id, "product_mail"); {
		case i%9 == 8:
			c.Status = "denied"
			out = append(out, c)
		case i%9 != 4:
			out = append(out, c)
		}
	}
	return out
}

func (s *saas) history() []demoEvent {
	var out []demoEvent
	for i := range s.workspaces {
		w := &s.workspaces[i]
		out = append(out, s.opened(w)...)
		for k, member := range w.members {
			joined := w.created
			if k > 0 {
				joined = joined.Add(time.Duration(k)*9*time.Hour + time.Duration(s.rng.IntN(600))*time.Minute)
				out = append(out, s.invited(w, member, joined)...)
			}
			for at := joined.Truncate(day).Add(8 * time.Hour); at.Before(s.start); at = at.Add(day) {
				rhythm := w.rhythm
				if member%5 == 0 {
					rhythm = 0.9 // some love it
				}
				if !w.fades.IsZero() && at.After(w.fades) {
					rhythm /= 40
				}
				if wd := at.Weekday(); wd != time.Saturday && wd != time.Sunday && at.After(joined) && s.rng.Float64() < rhythm {
					out = append(out, s.used(w, member, at.Add(time.Duration(s.rng.IntN(10*3600))*time.Second)))
				}
			}
		}
		if !w.pays.IsZero() {
			out = append(out, s.subscribed(w, w.pays))
		}
		if !w.cancels.IsZero() && w.cancels.After(w.pays) {
			out = append(out, s.on(w, "server", w.cancels, s.people[w.members[0]], "Subscription Cancelled", map[string]any{"reason": "unused"}))
		}
	}
	return s.past(out)
}

// live returns what happens in one moment: somebody uses the product, at times a workspace is founded, grows or subscribes.
func (s *saas) live(at time.Time) []demoEvent {
	w := &s.workspaces[s.rng.IntN(len(s.workspaces))]
	switch dice := s.rng.Float64(); {
	case dice < 0.05:
		return s.opened(s.found(workspace{created: at}, 1))
	case dice < 0.12:
		return s.invited(w, s.hire(w), at)
	case dice < 0.16 && w.pays.IsZero():
		w.pays = at
		return []demoEvent{s.subscribed(w, at)}
	default:
		return []demoEvent{s.used(w, w.members[s.rng.IntN(len(w.members))], at)}
	}
}

// opened is what is sent when somebody signs up and creates a workspace.
func (s *saas) opened(w *workspace) []demoEvent {
	owner := s.people[w.members[0]]
	return append(s.joined(w, owner, w.created), s.on(w, "server", w.created.Add(2*time.Second), owner, "Workspace Created", map[string]any{"name": w.name}))
}

// joined is what a browser sends around a registration: a page before it under the anonymous id only.
func (s *saas) joined(w *workspace, p person, at time.Time) []demoEvent {
	return []demoEvent{
		s.call("app", at.Add(-time.Minute), "page", "", p.anonymous, map[string]any{"name": "Welcome", "properties": map[string]any{"path": "/welcome"}}),
		s.identify("app", at, p),
		s.on(w, "app", at.Add(time.Second), p, "Signed Up", map[string]any{}),
		s.call("app", at.Add(3*time.Second), "group", p.id, p.anonymous, map[string]any{"groupId": w.id, "traits": map[string]any{"name": w.name}}),
	}
}

func (s *saas) invited(w *workspace, member int, at time.Time) []demoEvent {
	by := s.people[w.members[0]]
	return append(s.joined(w, s.people[member], at), s.on(w, "app", at.Add(-time.Hour), by, "Invite Sent", map[string]any{}))
}

// used prefers the first features; those who love the product know all of them.
func (s *saas) used(w *workspace, member int, at time.Time) demoEvent {
	k := s.rng.IntN(len(saasFeatures))
	if member%5 != 0 {
		k = min(k, s.rng.IntN(len(saasFeatures)))
	}
	feature := saasFeatures[k]
	return s.on(w, "app", at, s.people[member], "Feature Used", map[string]any{"feature": feature})
}

func (s *saas) subscribed(w *workspace, at time.Time) demoEvent {
	plan, price := "team", 12.0
	if len(w.members) > 6 {
		plan, price = "business", 19.0
	}
	return s.on(w, "server", at, s.people[w.members[0]], "Subscription Started", map[string]any{"plan": plan, "seats": len(w.members), "mrr": price * float64(len(w.members))})
}

// on is a tracked event in a workspace.
func (s *saas) on(w *workspace, source string, at time.Time, p person, event string, properties map[string]any) demoEvent {
	anonymous := p.anonymous
	if source == "server" {
		anonymous = ""
	}
	return s.call(source, at, "track", p.id, anonymous, map[string]any{"event": event, "properties": properties, "context": map[string]any{"groupId": w.id}})
}
