package mailchimp

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/sandbox"
)

// Names of the objects.
const (
	Members     = "members"
	Subscribers = "subscribers"
	Tag         = "tag"
	Segment     = "segment"
)

// Config is what a destination file of this connector holds.
type Config struct {
	connectors.Endpoint
	AudienceID          string      `json:"audience_id" required:"true" doc:"Id of the audience (Mailchimp's API calls it list): in Mailchimp, Audience, Settings, Audience name and defaults."`
	Credentials         Credentials `json:"credentials"`
	NewMembers          string      `json:"new_members" default:"transactional" doc:"Subscription status of contacts that object members creates: transactional (not subscribed, gets no campaigns), pending (Mailchimp asks the person by mail), subscribed or unsubscribed. An existing contact keeps its own."`
	TagAutomations      bool        `json:"tag_automations" doc:"Whether adding or removing a tag starts the automations that wait for it."`
	SkipMergeValidation bool        `json:"skip_merge_validation" doc:"Whether contacts are taken without values for the audience's required merge fields."`
}

// Credentials of one account.
type Credentials struct {
	APIKey connectors.Secret `json:"api_key" required:"true" standin:"standin_api_key-us1" doc:"API key of a user who may manage the audience. Its end (-us1) names the data centre, and so the address."`
}

var dataCentre = regexp.MustCompile(`-([a-z]{2,4}[0-9]{1,3})$`)

// statuses that a new contact may get.
var statuses = []string{"transactional", "pending", "subscribed", "unsubscribed"}

// Validate checks what tags can't say, and derives the address from the key.
func (c *Config) Validate() []connectors.ConfigError {
	var out []connectors.ConfigError
	if !slices.Contains(statuses, c.NewMembers) {
		out = append(out, connectors.ConfigError{Path: "new_members", Message: "is not a status that a new contact can have",
			Hint: "write transactional, pending, subscribed or unsubscribed"})
	}
	if c.BaseURL == "" {
		m := dataCentre.FindStringSubmatch(c.Credentials.APIKey.Reveal())
		if m == nil {
			out = append(out, connectors.ConfigError{Path: "credentials.api_key", Message: "doesn't end in a data centre",
				Hint: "copy the whole key: it ends in -us1 or alike"})
			m = []string{"", "us1"} // the key's mistake is the only one to tell
		}
		c.BaseURL = "https://" + m[1] + ".api.mailchimp.com"
	}
	return out
}

// mergeFields: merge tags such as FNAME; an empty text clears.
var mergeFields = connectors.FieldRules{
	Kinds: []connectors.Kind{connectors.KindText, connectors.KindNumber, connectors.KindBool, connectors.KindArray, connectors.KindObject},
	Open:  true,
	Null:  connectors.NullAsEmpty,
}

// membershipOnly: what a sync of a tag or segment maps is not sent.
var membershipOnly = connectors.FieldRules{Open: true, Null: connectors.NullAsNull}

var identifiers = []connectors.Identifier{{Name: "email", Form: connectors.Plain, FoldCase: true}}

const (
	maxMembers = 500     // the vendor's description
	maxBody    = 2 << 20 // ours: the vendor names no limit
	maxContact = 256 << 10
)

// one is an action that takes one contact a request.
func one(fires string) connectors.Spec {
	return connectors.Spec{Class: connectors.ClassA, Limits: connectors.Limits{Rows: 1, BodyBytes: maxContact}, Fires: fires}
}

// many is an action that takes up to 500 addresses a request.
func many(fires string) connectors.Spec {
	return connectors.Spec{Class: connectors.ClassA, Limits: connectors.Limits{Rows: maxMembers, BodyBytes: maxBody}, Fires: fires}
}

func subscribing(fires string) connectors.Spec {
	s := many(fires)
	s.Silent = true // errors may be counted without being listed
	return s
}

var deleteSpec = connectors.Spec{Class: connectors.ClassA, Limits: connectors.Limits{Rows: 1}, Erases: true}

// Connector is Mailchimp.
var Connector = connectors.Connector{
	Name:    "mailchimp",
	Title:   "Mailchimp",
	Version: "3.0 (description 3.0.55, read 2026-11)",
	Config:  func() any { return &Config{} },
	Auth:    connectors.Auth{Kind: "basic", Field: "credentials.api_key"},
	// The key names the real one: Adjust puts it here.
	Hosts: []string{"us1.api.mailchimp.com"},
	// The vendor allows ten connections at once per key and states no rate; two
	// are left to the key's other users.
	Budget: []connectors.Budget{{Name: "requests", Rate: 10, Burst: 10, Concurrency: 8}},
	Objects: []connectors.Object{
		{
			Name:        Members,
			Description: "Contacts of the audience and their merge fields, one request each. A subscription status is never changed; a new contact gets `new_members`.",
			Identifiers: identifiers, Fields: mergeFields,
			Actions: map[connectors.Action]connectors.Spec{
				connectors.Upsert: one("automations that wait for a new contact or a changed field; a confirmation mail to new contacts if `new_members` is pending"),
				connectors.Update: one("automations that wait for a changed field"),
				connectors.Delete: deleteSpec,
			},
		},
		{
			Name:        Subscribers,
			Description: "Contacts that this sync is meant to subscribe, and to unsubscribe when they leave: the one object that changes a subscription status. 500 a request.",
			Identifiers: identifiers, Fields: mergeFields,
			Actions: map[connectors.Action]connectors.Spec{
				connectors.Upsert:         subscribing("welcome automations"),
				connectors.AddToList:      subscribing("welcome automations"),
				connectors.RemoveFromList: subscribing("unsubscribing, which Mailchimp may not let the API take back"),
			},
		},
		{
			Name: Tag, Description: "One tag on contacts that the audience has; Mailchimp makes the tag if it is new.",
			Target: "tag", Identifiers: identifiers, Fields: membershipOnly,
			Actions: map[connectors.Action]connectors.Spec{
				connectors.AddToList: one("automations that wait for the tag, if `tag_automations` is true"), connectors.RemoveFromList: one("automations that wait for the tag's removal, if `tag_automations` is true"),
			},
		},
		{
			Name: Segment, Description: "Membership of one static segment, of contacts that the audience has.",
			Target: "segment", Identifiers: identifiers, Fields: membershipOnly,
			Actions: map[connectors.Action]connectors.Spec{
				connectors.AddToList: many("automations that wait for the segment"), connectors.RemoveFromList: many(""),
			},
		},
	},
	Adjust: func(c connectors.Connector, cfg any) connectors.Connector {
		if u, err := url.Parse(cfg.(*Config).Address()); err == nil && u.Hostname() != "" {
			c.Hosts = []string{u.Hostname()}
		}
		return c
	},
	Open: func(cfg any, env connectors.Env) (connectors.Writer, error) {
		return &Writer{c: cfg.(*Config), env: env}, nil
	},
	Standin: func(seed uint64) http.Handler { return sandbox.NewMailchimp(sandbox.Options{Seed: seed}) },
}
