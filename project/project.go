package project

import (
	"slices"
	"strings"
)

// Project is everything that the files of a project say.
type Project struct {
	Dir  string // as given to Load; empty for a bundle
	Hash string // SHA-256 of the bundle, in hexadecimal

	Config        Config
	Sources       []*Source // each kind sorted by name
	TrackingPlans []*TrackingPlan
	Models        []*SQLFile
	Traits        []*SQLFile
	Audiences     []*SQLFile
	Destinations  []*Destination
	Syncs         []*Sync
	UnitTests     []*UnitTest // in order of files and of their text

	unitTestFiles []*UnitTests

	files map[string]string
	graph *Graph
}

// named is a definition with an origin.
type named interface{ origin() *Origin }

func (o *Origin) origin() *Origin { return o }

func find[T named](all []T, name string) T {
	for _, d := range all {
		if d.origin().Name == name {
			return d
		}
	}
	var none T
	return none
}

func names[T named](all []T) []string {
	out := make([]string, len(all))
	for i, d := range all {
		out[i] = d.origin().Name
	}
	return out
}

// Source returns the source of that name, or nil.
func (p *Project) Source(name string) *Source { return find(p.Sources, name) }

// TrackingPlan returns the tracking plan of that name, or nil.
func (p *Project) TrackingPlan(name string) *TrackingPlan { return find(p.TrackingPlans, name) }

// Model returns the model of that name, or nil.
func (p *Project) Model(name string) *SQLFile { return find(p.Models, name) }

// Trait returns the trait of that name, or nil.
func (p *Project) Trait(name string) *SQLFile { return find(p.Traits, name) }

// Audience returns the audience of that name, or nil.
func (p *Project) Audience(name string) *SQLFile { return find(p.Audiences, name) }

// Destination returns the destination of that name, or nil.
func (p *Project) Destination(name string) *Destination { return find(p.Destinations, name) }

// Sync returns the sync of that name, or nil.
func (p *Project) Sync(name string) *Sync { return find(p.Syncs, name) }

// SQL returns the model, trait or audience of that name, or nil: they share one
// space of names.
func (p *Project) SQL(name string) *SQLFile { return find(p.SQLFiles(), name) }

// SQLFiles returns models, traits and audiences, in this order.
func (p *Project) SQLFiles() []*SQLFile {
	return slices.Concat(p.Models, p.Traits, p.Audiences)
}

// SourceByWriteKey returns the source with that write key, or nil. Paused
// sources are found too.
func (p *Project) SourceByWriteKey(key string) *Source {
	for _, s := range p.Sources {
		if key != "" && s.WriteKey.Reveal() == key {
			return s
		}
	}
	return nil
}

// SyncsOf returns the syncs that send to a destination.
func (p *Project) SyncsOf(destination string) []*Sync {
	var out []*Sync
	for _, s := range p.Syncs {
		if s.Destination == destination {
			out = append(out, s)
		}
	}
	return out
}

func (p *Project) addSQL(f *SQLFile) {
	switch f.Kind {
	case KindModel:
		p.Models = append(p.Models, f)
	case KindTrait:
		p.Traits = append(p.Traits, f)
	case KindAudience:
		p.Audiences = append(p.Audiences, f)
	}
}

func (p *Project) sort() {
	sortNamed(p.Sources)
	sortNamed(p.TrackingPlans)
	sortNamed(p.Models)
	sortNamed(p.Traits)
	sortNamed(p.Audiences)
	sortNamed(p.Destinations)
	sortNamed(p.Syncs)
}

func sortNamed[T named](all []T) {
	slices.SortStableFunc(all, func(a, b T) int { return strings.Compare(a.origin().Name, b.origin().Name) })
}

// profileColumns are those that the view profiles has of its own.
var profileColumns = []string{
	"profile_id", "user_id", "anonymous_ids", "email", "phone", "first_name", "last_name", "first_seen_at", "last_seen_at",
}

// checkNames looks for names that two definitions share: models, traits and
// audiences become tables of one database, beside Tailrace's own.
func (l *loader) checkNames() {
	taken := map[string]string{}
	for _, f := range l.p.SQLFiles() {
		if isBuiltin(f.Name) {
			l.fail(CodeNameTaken, f.Path, Position{}, "rename the file", "%s is a table of Tailrace's own", f.Name)
		}
		if f.Kind == KindTrait && slices.Contains(profileColumns, f.Name) {
			l.fail(CodeNameTaken, f.Path, Position{}, "rename the file", "%s is a column of profiles already, and traits become columns there", f.Name)
		}
		l.take(taken, &f.Origin)
	}
	checkTaken(l, l.p.Sources)
	checkTaken(l, l.p.TrackingPlans)
	checkTaken(l, l.p.Destinations)
	checkTaken(l, l.p.Syncs)
}

func checkTaken[T named](l *loader, all []T) {
	taken := map[string]string{}
	for _, d := range all {
		l.take(taken, d.origin())
	}
}

func (l *loader) take(taken map[string]string, o *Origin) {
	if other, ok := taken[o.Name]; ok {
		l.fail(CodeNameTaken, o.Path, Position{}, "rename one of them", "%s is also the name of %s", o.Name, other)
		return
	}
	taken[o.Name] = o.Path
}
