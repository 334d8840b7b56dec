package mixpanel

import (
	"net/http"
	"time"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/sandbox"
)

// Events is the one object.
const Events = "events"

// Config is what a destination file of this connector holds.
type Config struct {
	connectors.Endpoint
	ProjectID       string        `json:"project_id" required:"true" standin:"1" doc:"Number of the project, in its settings."`
	Credentials     Credentials   `json:"credentials"`
	DeduplicatesFor time.Duration `json:"deduplicates_for" default:"168h" doc:"How long Mixpanel is trusted to collapse events of one insert id. A batch whose fate is unknown is sent again for half of it; 0s means never again by itself."`
}

// Credentials of a service account.
type Credentials struct {
	Username connectors.Secret `json:"username" required:"true" standin:"standin.service-account" doc:"Name of a service account of the project, with the role Owner, Admin, Analyst or Consumer that may import."`
	Secret   connectors.Secret `json:"secret" required:"true" standin:"standin_secret" doc:"Secret of the service account."`
}

const (
	maxRows  = 2000
	maxBody  = 10_000_000
	maxEvent = 1_000_000
)

func spec(window time.Duration) connectors.Spec {
	s := connectors.Spec{Class: connectors.ClassB, Window: window, Limits: connectors.Limits{Rows: maxRows, BodyBytes: maxBody, RowBytes: maxEvent},
		Fires: "billed per event"}
	if window == 0 {
		s.Class = connectors.ClassD
	}
	return s
}

// Connector is Mixpanel.
var Connector = connectors.Connector{
	Name:    "mixpanel",
	Title:   "Mixpanel",
	Version: "import (pages read 2026-11)",
	Config:  func() any { return &Config{Endpoint: connectors.Endpoint{BaseURL: "https://api.mixpanel.com"}} },
	Auth:    connectors.Auth{Kind: "basic", Field: "credentials.secret"},
	Hosts:   []string{"api.mixpanel.com", "api-eu.mixpanel.com", "api-in.mixpanel.com"},
	// About 30,000 events a minute: fifteen full requests, some of them small.
	Budget: []connectors.Budget{{Name: "requests", Rate: 2, Burst: 4, Concurrency: 4}},
	Objects: []connectors.Object{{
		Name: Events, Description: "Events of a project, each once by its insert id.",
		Identifiers: []connectors.Identifier{{Name: "distinct_id", Form: connectors.Plain}},
		Fields:      connectors.FieldRules{Open: true, Reserved: []string{"distinct_id", "$insert_id"}, Null: connectors.NullAsNull},
		Actions:     map[connectors.Action]connectors.Spec{connectors.Append: spec(168 * time.Hour)},
	}},
	Adjust: func(c connectors.Connector, cfg any) connectors.Connector {
		o := c.Objects[0]
		o.Actions = map[connectors.Action]connectors.Spec{connectors.Append: spec(cfg.(*Config).DeduplicatesFor)}
		c.Objects = []connectors.Object{o}
		return c
	},
	Open: func(cfg any, env connectors.Env) (connectors.Writer, error) {
		c := cfg.(*Config)
		return &Writer{base: c.Address(), project: c.ProjectID, credentials: c.Credentials, env: env}, nil
	},
	Standin: func(seed uint64) http.Handler { return sandbox.NewMixpanel(sandbox.Options{Seed: seed}) },
}
