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
		age := s.rng.IntN(saasDays)
		if i%3 == 0 {
			age = s.rng.IntN(trialDays) // sign-ups grow: a third of the workspaces are in their trial
		}
		created := s.start.Add(-time.Duration(age)*day - time.Duration(s.rng.IntN(86400))*time.Second)
		s.found(created, 1+s.rng.IntN(10), i%8 == 7)
		w := &s.workspaces[i]
		switch {
		case i%3 != 0 && i%5 != 4: // most of those whose trial is over pay
			w.pays = created.Add(time.Duration(3+s.rng.IntN(trialDays-3)) * day)
			if i%4 == 1 {
				w.fades = s.start.Add(-time.Duration(18+s.rng.IntN(12)) * day)
			}
			if i%11 == 10 {
				w.cancels = s.start.Add(-time.Duration(s.rng.IntN(20)) * day)
			}
		case i%3 != 0:
			w.fades = created.Add(trialDays * day) // tried it, and left
		}
	}
	return s
}

// found adds a workspace of size people; again lets somebody found it who owns the workspace before, as agencies do.
func (s *saas) found(created time.Time, size int, again bool) {
	i := len(s.workspaces)
	w := workspace{id: fmt.Sprintf("ws_%04d", i+1), created: created, rhythm: 0.1 + 0.6*s.rng.Float64(),
		name: saasNames[i%len(saasNames)] + " " + saasTrades[s.rng.IntN(len(saasTrades))]}
	if again {
		w.members = append(w.members, s.workspaces[i-1].members[0])
	}
	for len(w.members) < size {
		k := len(s.people) + 1
		s.people = append(s.people, s.newPerson(fmt.Sprintf("user_%05d", k), fmt.Sprintf("user%05d@%s.example", k, w.id[3:]+"-company")))
		w.members = append(w.members, k-1)
	}
	s.workspaces = append(s.workspaces, w)
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
				if !w.fades.IsZero() && at.After(w.fades) {
					rhythm /= 12
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
		s.found(at, 1, false)
		return s.opened(&s.workspaces[len(s.workspaces)-1])
	case dice < 0.12:
		k := len(s.people) + 1
		s.people = append(s.people, s.newPerson(fmt.Sprintf("user_%05d", k), fmt.Sprintf("user%05d@%s-company.example", k, w.id[3:])))
		w.members = append(w.members, k-1)
		return s.invited(w, k-1, at)
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

// used prefers the first features: few people know all of them.
func (s *saas) used(w *workspace, member int, at time.Time) demoEvent {
	feature := saasFeatures[min(s.rng.IntN(len(saasFeatures)), s.rng.IntN(len(saasFeatures)+2))]
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
