package audiences

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tailrace/tailrace/audiences/identity"
)

func profileOf(kind, value string) uuid.UUID { return identity.ProfileID(kind, value) }

// eventKeys are the keys of a given event that are no columns of events.
var eventKeys = []string{"email", "previous_id"}

// eventTimes are the columns of an event that are its timestamp unless the test says otherwise.
var eventTimes = []string{"timestamp", "original_timestamp", "received_at", "loaded_at", "stable_time"}

// people makes events and identities of the events that a test gives: who is
// who is decided by the rules of production.
func (s *scene) people() error {
	s.names = &unitNames{ids: map[string]uuid.UUID{}, shown: map[string]string{}}
	input := "events"
	if _, ok := s.given["events_raw"]; ok {
		input = "events_raw"
	}
	columns := s.u.own["events_raw"]
	var events []map[string]any
	var said []identity.Said
	if i, ok := s.given[input]; ok {
		for r, row := range s.t.Given[i].Rows.List {
			e, who, err := s.event(row, r, columns, []string{"given", strconv.Itoa(i), "rows", strconv.Itoa(r)})
			if err != nil {
				return err
			}
			events, said = append(events, e), append(said, who)
		}
	}
	config := s.u.p.Config.Identity
	profiles, known := identity.InMemory(said, config.MaxIDs, config.Blocked)
	for _, k := range known {
		s.names.ids[k.Kind+":"+k.Value] = k.Profile
	}
	for _, kind := range []string{"user_id", "email", "anonymous_id"} {
		for _, k := range known {
			if k.Kind == kind {
				s.names.show(k.Profile, k.Value)
			}
		}
	}
	if err := s.identities(known); err != nil {
		return err
	}
	for i, e := range events {
		if name, ok := e[columnProfile].(string); ok {
			e[columnProfile] = s.names.profile(name).String()
		} else {
			e[columnProfile] = profiles[i].String()
		}
	}
	s.use("events_raw", s.literal(columns, events), s.full("events_raw")...)
	for _, e := range events {
		maps.DeleteFunc(e, func(name string, _ any) bool {
			return !slices.ContainsFunc(s.u.own["events"], func(c Column) bool { return c.Name == name })
		})
	}
	s.use("events", s.literal(s.u.own["events"], events), s.full("events")...)
	return nil
}

// identities are those that the events name, and those that the test gives.
func (s *scene) identities(known []identity.Known) error {
	columns := s.u.own["identities"]
	var rows []map[string]any
	for _, k := range known {
		rows = append(rows, map[string]any{"kind": k.Kind, "value": k.Value, columnProfile: k.Profile.String(),
			"first_seen_at": k.FirstSeen.UTC().Format("2006-01-02 15:04:05.000")})
	}
	if i, ok := s.given["identities"]; ok {
		for r, row := range s.t.Given[i].Rows.List {
			typed, err := s.typed(row, columns, []string{"given", strconv.Itoa(i), "rows", strconv.Itoa(r)})
			if err != nil {
				return err
			}
			if id, err := uuid.Parse(fmt.Sprint(typed[columnProfile])); err == nil {
				s.names.ids[fmt.Sprint(row["kind"], ":", row["value"])] = id
			}
			rows = append(rows, typed)
		}
	}
	s.use("identities", s.literal(columns, rows), s.full("identities")...)
	return nil
}

// event completes a given event as the collector would.
func (s *scene) event(row map[string]any, number int, columns []Column, at []string) (map[string]any, identity.Said, error) {
	e := maps.Clone(row)
	for _, key := range eventKeys {
		delete(e, key)
	}
	profile, named := e[columnProfile]
	delete(e, columnProfile)
	for key := range e {
		if !slices.ContainsFunc(columns, func(c Column) bool { return c.Name == key }) {
			var known []string
			for _, c := range columns {
				known = append(known, c.Name)
			}
			return nil, identity.Said{}, failAt(s.t.Path, s.t.At(append(slices.Clone(at), key)...), "unknown column "+key,
				"an event has "+strings.Join(append(known, eventKeys...), ", "))
		}
	}
	traits, _ := e["traits"].(map[string]any)
	if email, ok := row["email"]; ok && (e["type"] == nil && e["event"] == nil || e["type"] == "identify") {
		traits = maps.Clone(traits)
		if traits == nil {
			traits = map[string]any{}
		}
		traits["email"] = email
		e["traits"] = traits
	} else if ok {
		e["context"] = map[string]any{"traits": map[string]any{"email": email}}
	}
	switch {
	case e["type"] != nil:
	case e["event"] != nil:
		e["type"] = "track"
	case row["previous_id"] != nil:
		e["type"] = "alias"
	default:
		e["type"] = "identify"
	}
	setDefault := func(key string, value any) {
		if e[key] == nil {
			e[key] = value
		}
	}
	setDefault("message_id", fmt.Sprintf("test-%03d", number+1))
	setDefault("source", "test")
	setDefault("timestamp", "now")
	for _, key := range eventTimes {
		setDefault(key, e["timestamp"])
	}
	who := identity.Said{MessageID: fmt.Sprint(e["message_id"]), Type: fmt.Sprint(e["type"]), PreviousID: textOf(row["previous_id"])}
	if traits != nil {
		who.Email, _ = traits["email"].(string)
	}
	for key, into := range map[string]*string{"user_id": &who.UserID, "anonymous_id": &who.AnonymousID} {
		if e[key] != nil {
			*into = textOf(e[key])
			e[key] = *into
		}
	}
	typed, err := s.typed(e, columns, at)
	if err != nil {
		return nil, who, err
	}
	if who.At, err = time.Parse("2006-01-02 15:04:05", fmt.Sprint(typed["timestamp"])); err != nil {
		if who.At, err = time.Parse(time.DateOnly, fmt.Sprint(typed["timestamp"])); err != nil {
			return nil, who, failAt(s.t.Path, s.t.At(append(slices.Clone(at), "timestamp")...), fmt.Sprintf("%v is no time", e["timestamp"]),
				"write 2026-06-01T12:00:00Z, or now - 90d")
		}
	}
	if typed["payload"] == nil {
		payload, err := json.Marshal(map[string]any{"type": e["type"], "event": e["event"], "userId": who.UserID, "anonymousId": who.AnonymousID,
			"previousId": who.PreviousID, "properties": e["properties"], "traits": e["traits"], "context": e["context"]})
		if err != nil {
			return nil, who, fmt.Errorf("encoding a given event: %w", err)
		}
		typed["payload"] = string(payload)
	}
	if named {
		typed[columnProfile] = fmt.Sprint(profile)
	}
	return typed, who, nil
}

func textOf(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// shown gives a value the name that the test uses for it.
func (n *unitNames) text(v any) any {
	if text, ok := v.(string); ok {
		if name, known := n.shown[text]; known {
			return name
		}
	}
	return v
}
