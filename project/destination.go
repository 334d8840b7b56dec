package project

import "fmt"

// Destination is destinations/NAME.yml: a connector with its settings.
type Destination struct {
	Origin `yaml:"-"`
	// Connector that talks to the vendor.
	Connector string `yaml:"connector" json:"connector" validate:"required"`
	// BaseURL replaces the vendor's own address.
	BaseURL string `yaml:"base_url" json:"base_url,omitempty"`
	// Credentials by name, each by reference.
	Credentials map[string]Secret `yaml:"credentials" json:"-"`
	// Sandbox sends to a stand-in inside the process instead of the vendor.
	Sandbox bool `yaml:"sandbox" json:"sandbox,omitempty"`
	// Purpose for which data is sent there; all of them must be consented to.
	Purpose []string `yaml:"purpose" json:"purpose,omitempty"`
	// Limits shared by all syncs to this destination.
	Limits DestinationLimits `yaml:"limits" json:"limits,omitempty"`
	// Owner to ask about it.
	Owner string `yaml:"owner" json:"owner,omitempty"`
	// Description for people.
	Description string `yaml:"description" json:"description,omitempty"`
	// RenamedFrom is the file's former name.
	RenamedFrom string `yaml:"renamed_from" json:"renamed_from,omitempty"`
	// Settings are the connector's own keys, for its config struct to judge. A
	// value that is one reference is a Secret; other texts have theirs resolved.
	// A true Sandbox is among them.
	Settings map[string]any `yaml:"-" json:"-"`
}

// DestinationLimits are limits shared by all syncs to a destination. Zero is the
// connector's own.
type DestinationLimits struct {
	// RequestsPerSecond on average.
	RequestsPerSecond float64 `yaml:"requests_per_second" json:"requests_per_second,omitempty" validate:"min=0"`
	// Concurrency is how many requests may be open at once.
	Concurrency int `yaml:"concurrency" json:"concurrency,omitempty" validate:"min=0"`
}

func (l *loader) destination(path, name, text string) {
	dst := &Destination{}
	settings := map[string]any{}
	if !l.decodeFile(path, name, text, dst, &dst.Origin, withRest(settings)) {
		return
	}
	dst.Settings = settings
	if dst.Sandbox {
		settings["sandbox"] = true
	}
	for key, secret := range dst.Credentials {
		if secret.IsZero() { // ${env:NAME:-} is as good as not written
			delete(dst.Credentials, key)
		}
	}
	for i, p := range dst.Purpose {
		l.checkWord(CodeValue, path, dst.Positions.At("purpose", fmt.Sprint(i)), "purpose", p)
	}
	l.p.Destinations = append(l.p.Destinations, dst)
}
