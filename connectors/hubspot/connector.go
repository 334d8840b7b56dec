package hubspot

import (
	"net/http"
	"time"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/sandbox"
)

// Names of the objects.
const (
	Contacts = "contacts"
	List     = "list"
)

// recordID is the property that holds HubSpot's own id.
const recordID = "hs_object_id"

// Config is what a destination file of this connector holds.
type Config struct {
	connectors.Endpoint
	APIVersion  string      `json:"api_version" default:"v3" doc:"Version of HubSpot's API: v3, or a dated one such as 2026-03."`
	Credentials Credentials `json:"credentials"`
	TimeZone    string      `json:"time_zone" default:"UTC" doc:"Time zone of the account: the daily limit starts again at its midnight."`
}

// Credentials of an app in one account.
type Credentials struct {
	AccessToken connectors.Secret `json:"access_token" required:"true" standin:"standin_access_token" doc:"Access token of the account's private app, with the scopes crm.objects.contacts and crm.lists, read and write."`
}

// Validate checks what tags can't say.
func (c *Config) Validate() []connectors.ConfigError {
	var out []connectors.ConfigError
	if _, err := time.LoadLocation(c.TimeZone); err != nil {
		out = append(out, connectors.ConfigError{Path: "time_zone", Message: "is not a time zone", Hint: "write one such as Europe/Berlin"})
	}
	if !versionPattern.MatchString(c.APIVersion) {
		out = append(out, connectors.ConfigError{Path: "api_version", Message: "is not a version of HubSpot's API", Hint: "write v3, or a dated one such as 2026-03"})
	}
	return out
}

// contactFields: all property values are texts at HubSpot; null clears as "".
var contactFields = connectors.FieldRules{
	Kinds:    []connectors.Kind{connectors.KindText, connectors.KindNumber, connectors.KindBool, connectors.KindArray},
	Open:     true,
	Reserved: []string{recordID},
	Null:     connectors.NullAsEmpty,
}

var identifiers = []connectors.Identifier{
	{Name: recordID, Form: connectors.Plain},
	{Name: "email", Form: connectors.Plain, FoldCase: true},
}

const (
	maxInputs = 100  // action-destinations; the vendor's page wasn't read
	maxList   = 1000 // ours: the vendor's maximum isn't established
	maxBody   = 2 << 20
)

func contactSpec(class connectors.Class) connectors.Spec {
	return connectors.Spec{
		Class:  class,
		Limits: connectors.Limits{Rows: maxInputs, BodyBytes: maxBody},
		// A share of refused rows may be counted without being named.
		Silent: true,
		Fires:  "workflows enrolled by property changes",
	}
}

var listSpec = connectors.Spec{
	Class:  connectors.ClassA,
	Limits: connectors.Limits{Rows: maxList, BodyBytes: maxBody},
	Fires:  "workflows enrolled by list membership",
}

// Connector is HubSpot.
var Connector = connectors.Connector{
	Name:    "hubspot",
	Title:   "HubSpot",
	Version: "v3 (pages read 2026-11)",
	Config:  func() any { return &Config{Endpoint: connectors.Endpoint{BaseURL: "https://api.hubapi.com"}} },
	Auth:    connectors.Auth{Kind: "bearer", Field: "credentials.access_token"},
	Hosts:   []string{"api.hubapi.com"},
	// The smallest of the vendor's plans: 100 requests in any 10 s. Burst and
	// refill together stay below it.
	Budget: []connectors.Budget{{Name: "requests", Rate: 9, Burst: 9, Concurrency: 4}},
	Objects: []connectors.Object{
		{
			Name: Contacts, Description: "Contacts of the CRM, matched by e-mail or another property with unique values.",
			Identifiers: identifiers, OpenIdentifiers: true, Fields: contactFields,
			Actions: map[connectors.Action]connectors.Spec{
				connectors.Upsert: contactSpec(connectors.ClassA),
				connectors.Update: contactSpec(connectors.ClassA),
				connectors.Create: contactSpec(connectors.ClassC),
				connectors.Delete: {Class: connectors.ClassA, Limits: connectors.Limits{Rows: maxInputs, BodyBytes: maxBody}, Erases: true, EraseRows: 1},
			},
		},
		{
			Name: List, Description: "Membership of one list of contacts (processing type MANUAL or SNAPSHOT).",
			Target: "list", Identifiers: identifiers, OpenIdentifiers: true,
			Fields: connectors.FieldRules{Open: true, Null: connectors.NullAsNull},
			Actions: map[connectors.Action]connectors.Spec{
				connectors.AddToList: listSpec, connectors.RemoveFromList: listSpec,
			},
		},
	},
	Open: func(cfg any, env connectors.Env) (connectors.Writer, error) {
		return open(cfg.(*Config), env)
	},
	Standin: func(seed uint64) http.Handler { return sandbox.NewHubSpot(sandbox.Options{Seed: seed}) },
}
