package audiences

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tailrace/tailrace/audiences/identity"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/warehouse"
)

// Identifier is one of a profile's.
type Identifier struct {
	Kind        string    `ch:"kind" json:"kind"`
	Value       string    `ch:"value" json:"value"`
	FirstSeenAt time.Time `ch:"first_seen_at" json:"first_seen_at"`
}

// Membership is an audience that a profile is in, since when, and why.
type Membership struct {
	Name    string     `json:"name"`
	Since   *time.Time `json:"since,omitempty"` // logical time of the last enter, as far as the history goes back
	Because []string   `json:"because"`
}

// Event is one of a profile's, in short.
type Event struct {
	MessageID  string          `json:"message_id"`
	Type       string          `json:"type"`
	Event      string          `json:"event,omitempty"`
	Source     string          `json:"source"`
	Timestamp  time.Time       `json:"timestamp"`
	Properties json.RawMessage `json:"properties"`
}

// Profile is everything that is known of one person.
type Profile struct {
	ProfileID   string       `json:"profile_id"`
	Identifiers []Identifier `json:"identifiers"`
	// MergedFrom are profiles that turned out to be this person.
	MergedFrom []string `json:"merged_from"`
	// Fields are the row of the view profiles: what identify calls said, and each trait.
	Fields    map[string]json.RawMessage `json:"fields"`
	Traits    map[string]json.RawMessage `json:"traits"`
	Audiences []Membership               `json:"audiences"`
	Events    []Event                    `json:"events"` // the newest first
}

// profileEvents is how many events a profile shows.
const profileEvents = 50

// Profile finds a person by any identifier: a profile id (also one that was
// merged), a user_id, an anonymous_id or an email; "kind:value" says which.
// Errors: ErrNotFound.
func (a *Audiences) Profile(ctx context.Context, identifier string) (Profile, error) {
	id, err := a.findProfile(ctx, identifier)
	if err != nil {
		return Profile{}, err
	}
	p := Profile{ProfileID: id.String(), Identifiers: []Identifier{}, MergedFrom: []string{}}
	if err := a.db.Select(ctx, &p.Identifiers, "SELECT kind, value, first_seen_at FROM "+a.table("identities")+
		" FINAL WHERE profile_id = ? ORDER BY kind, first_seen_at, value", id); err != nil {
		return p, fmt.Errorf("reading a profile's identifiers: %w", err)
	}
	if err := a.db.Select(ctx, &p.MergedFrom, "SELECT toString(from_profile) FROM "+a.table("identity_merges")+
		" FINAL WHERE into_profile = ? ORDER BY 1", id); err != nil {
		return p, fmt.Errorf("reading a profile's merges: %w", err)
	}
	for _, read := range []func(context.Context, *Profile) error{a.readFields, a.readMemberships, a.readEvents} {
		if err := read(ctx, &p); err != nil {
			return p, err
		}
	}
	return p, nil
}

// findProfile leads an identifier to its canonical profile.
func (a *Audiences) findProfile(ctx context.Context, identifier string) (uuid.UUID, error) {
	kinds, value := []string{"user_id", "anonymous_id", "email"}, identifier
	if kind, rest, ok := strings.Cut(identifier, ":"); ok && (slices.Contains(kinds, kind) || kind == columnProfile) {
		kinds, value = []string{kind}, rest
	}
	var found uuid.UUID
	err := a.db.Get(ctx, &found, "SELECT profile_id FROM "+a.table("identities")+
		" FINAL WHERE kind IN {kinds:Array(String)} AND value = {value:String} ORDER BY indexOf({kinds:Array(String)}, kind) LIMIT 1",
		warehouse.P{"kinds": kinds, "value": value})
	if !errors.Is(err, warehouse.ErrNoRows) {
		return found, err
	}
	if slices.Contains(kinds, "email") && strings.Contains(value, "@") {
		// People write addresses in any case, and events keep them as they came.
		err = a.db.Get(ctx, &found, "SELECT profile_id FROM "+a.table("identities")+
			" FINAL WHERE kind = 'email' AND lowerUTF8(value) = lowerUTF8({value:String}) ORDER BY first_seen_at LIMIT 1", warehouse.P{"value": value})
		if !errors.Is(err, warehouse.ErrNoRows) {
			return found, err
		}
	}
	missing := fmt.Errorf("nobody is known by this identifier: %w", ErrNotFound)
	id, notUUID := uuid.Parse(value)
	if notUUID != nil {
		return found, missing
	}
	err = a.db.Get(ctx, &found, "SELECT into_profile FROM "+a.table("identity_merges")+" FINAL WHERE from_profile = ?", id)
	if !errors.Is(err, warehouse.ErrNoRows) {
		return found, err
	}
	var known uint64
	if err := a.db.Get(ctx, &known, "SELECT count() FROM "+a.table("identities")+" FINAL WHERE profile_id = ?", id); err != nil {
		return found, fmt.Errorf("looking up a profile: %w", err)
	}
	if known == 0 {
		return found, missing
	}
	return id, nil
}

func (a *Audiences) readFields(ctx context.Context, p *Profile) error {
	var row bytes.Buffer
	sql := "SELECT * FROM " + a.table("profiles") + " WHERE profile_id = {id:UUID} LIMIT 1"
	if err := a.db.StreamFormat(ctx, &row, sql, "JSONEachRow", warehouse.P{"id": p.ProfileID}); err != nil {
		return fmt.Errorf("reading a profile: %w", err)
	}
	p.Fields, p.Traits = map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if len(bytes.TrimSpace(row.Bytes())) == 0 {
		return nil
	}
	if err := json.Unmarshal(row.Bytes(), &p.Fields); err != nil {
		return fmt.Errorf("reading a profile: %w", err)
	}
	for name, value := range p.Fields {
		if !slices.Contains(profileColumns, name) {
			p.Traits[name] = value
			delete(p.Fields, name)
		}
	}
	return nil
}

func (a *Audiences) readMemberships(ctx context.Context, p *Profile) error {
	p.Audiences = []Membership{}
	current := a.project()
	if current == nil {
		return nil
	}
	marks, err := a.watermarks(ctx, current)
	if err != nil {
		return err
	}
	var parts []string
	for _, f := range current.Audiences {
		m := marks.results[project.Node{Kind: project.KindAudience, Name: f.Name}]
		if m != nil && f.Header.Entity == "profile" {
			parts = append(parts, fmt.Sprintf("SELECT %s AS name FROM %s WHERE version = %d AND key = {key:String}", quoteText(f.Name), a.table(m.Table), m.Version))
		}
	}
	if len(parts) == 0 {
		return nil
	}
	key := warehouse.P{"key": p.ProfileID}
	var names []string
	if err := a.db.Select(ctx, &names, "SELECT name FROM ("+strings.Join(parts, " UNION ALL ")+") ORDER BY name", key); err != nil {
		return fmt.Errorf("reading a profile's audiences: %w", err)
	}
	var entered []Change
	sql := "SELECT name, max(c.version) AS version, argMax(c.because, c.version) AS because, argMax(c.logical_time, c.version) AS logical_time" +
		" FROM " + a.table("audience_changes") + " AS c WHERE key = {key:String} AND change = 'enter' GROUP BY name"
	if err := a.db.Select(ctx, &entered, sql, key); err != nil {
		return fmt.Errorf("reading a profile's history: %w", err)
	}
	for _, name := range names {
		m := Membership{Name: name, Because: []string{}}
		for _, c := range entered {
			if c.Name == name {
				since := c.LogicalTime.UTC()
				m.Since, m.Because = &since, c.Because
			}
		}
		p.Audiences = append(p.Audiences, m)
	}
	return nil
}

// readEvents asks events_raw by the profile ids that lead to the person, since
// only those are indexed.
func (a *Audiences) readEvents(ctx context.Context, p *Profile) error {
	ids := append([]string{p.ProfileID}, p.MergedFrom...)
	for _, i := range p.Identifiers {
		ids = append(ids, identity.ProfileID(i.Kind, i.Value).String())
	}
	slices.Sort(ids)
	var rows []struct {
		MessageID  string    `ch:"message_id"`
		Type       string    `ch:"type"`
		Event      string    `ch:"event"`
		Source     string    `ch:"source"`
		Timestamp  time.Time `ch:"timestamp"`
		Properties string    `ch:"text"`
	}
	sql := "SELECT message_id, type, event, source, timestamp, toJSONString(properties) AS text FROM " + a.table("events_raw") +
		" FINAL WHERE profile_id IN {ids:Array(UUID)} ORDER BY timestamp DESC, message_id LIMIT {limit:UInt64}"
	args := warehouse.P{"ids": slices.Compact(ids), "limit": uint64(profileEvents)}
	if err := a.db.Select(ctx, &rows, sql, args, warehouse.Settings{"do_not_merge_across_partitions_select_final": 1}); err != nil {
		return fmt.Errorf("reading a profile's events: %w", err)
	}
	p.Events = []Event{}
	for _, r := range rows {
		p.Events = append(p.Events, Event{r.MessageID, r.Type, r.Event, r.Source, r.Timestamp.UTC(), json.RawMessage(r.Properties)})
	}
	return nil
}
