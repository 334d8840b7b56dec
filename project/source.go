package project

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Source is sources/NAME.yml: somebody who may send events.
type Source struct {
	Origin `yaml:"-"`
	// Kind of sender: what it is trusted with and how it is shown.
	Kind string `yaml:"kind" json:"kind" validate:"required,oneof=web mobile server import"`
	// WriteKey that requests carry, by reference.
	WriteKey Secret `yaml:"write_key" json:"-"`
	// Origins are the web origins that browsers may send from, such as https://shop.example; all if none is written.
	Origins []string `yaml:"origins" json:"origins,omitempty"`
	// TrackingPlan that its events are checked against.
	TrackingPlan string `yaml:"tracking_plan" json:"tracking_plan,omitempty"`
	// Owner to ask about it.
	Owner string `yaml:"owner" json:"owner,omitempty"`
	// Description for people.
	Description string `yaml:"description" json:"description,omitempty"`
	// Paused sources are answered 401.
	Paused bool `yaml:"paused" json:"paused,omitempty"`
	// RenamedFrom is the file's former name.
	RenamedFrom string `yaml:"renamed_from" json:"renamed_from,omitempty"`
}

func (l *loader) source(path, name, text string) {
	s := &Source{}
	if !l.decodeFile(path, name, text, s, &s.Origin) {
		return
	}
	if s.WriteKey.IsZero() && s.Kind != "import" && !l.failedAt(path, s.Positions.At("write_key")) {
		l.fail(CodeMissingKey, path, s.Positions.At(), "write_key: ${env:NAME}", "a source of kind %s needs a write_key", s.Kind)
	}
	for i, origin := range s.Origins {
		if at := s.Positions.At("origins", strconv.Itoa(i)); !isOrigin(origin) && !l.failedAt(path, at) {
			l.fail(CodeValue, path, at, "", "an origin is what browsers send, such as https://shop.example, not %q", origin)
		}
	}
	l.p.Sources = append(l.p.Sources, s)
}

// isOrigin tells whether a text is a web origin as browsers write it: scheme
// and host in small letters, a port unless it is the scheme's own, no path.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || !slices.Contains([]string{"http", "https"}, u.Scheme) {
		return false
	}
	own := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	return text == u.Scheme+"://"+u.Host && text == strings.ToLower(text) && !strings.Contains(text, "*") && u.Port() != own
}

// checkSources holds sources against each other and against tracking plans.
func (l *loader) checkSources() {
	byKey := map[string]*Source{}
	for _, s := range l.p.Sources {
		if s.TrackingPlan != "" && l.p.TrackingPlan(s.TrackingPlan) == nil {
			l.fail(CodeUnknownName, s.Path, s.Positions.At("tracking_plan"), "", "unknown tracking plan %s%s",
				s.TrackingPlan, suggest(s.TrackingPlan, names(l.p.TrackingPlans)))
		}
		if s.WriteKey.IsZero() {
			continue
		}
		if other := byKey[s.WriteKey.Reveal()]; other != nil {
			l.fail(CodeWriteKeyTaken, s.Path, s.Positions.At("write_key"), "", "the write key is also that of %s", other.Path)
			continue
		}
		byKey[s.WriteKey.Reveal()] = s
	}
}
