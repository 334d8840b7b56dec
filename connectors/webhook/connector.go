package webhook

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/sandbox"
)

// Config is what a destination file of this connector holds.
type Config struct {
	connectors.Endpoint
	Credentials     Credentials   `json:"credentials"`
	DeduplicatesFor time.Duration `json:"deduplicates_for" default:"5m" doc:"How long the receiver remembers a webhook-id. A batch whose fate is unknown is sent again for half of it; 0s means never again by itself."`
	Timeout         time.Duration `json:"timeout" default:"15s" doc:"How long one request may take."`
	Batch           int           `json:"batch" default:"100" doc:"Rows in one message, at most."`
	BodyBytes       int           `json:"body_bytes" default:"1000000" doc:"Bytes of one message, at most. The standard advises 20 KB."`
	Rate            float64       `json:"rate" default:"10" doc:"Requests a second, at most."`
}

// Credentials sign the messages.
type Credentials struct {
	Secret   connectors.Secret `json:"secret" required:"true" standin:"whsec_c3RhbmRpbi1zZWNyZXQtb2YtdGhlLXNhbmRib3g=" doc:"Signing secret: whsec_ and 24 to 64 bytes in base64."`
	Previous connectors.Secret `json:"previous_secret" doc:"The secret before, signed with as well while receivers change over."`
}

// Validate checks what tags can't say.
func (c *Config) Validate() []connectors.ConfigError {
	var out []connectors.ConfigError
	fail := func(path, message, hint string) {
		out = append(out, connectors.ConfigError{Path: path, Message: message, Hint: hint})
	}
	const secretHint = "make one: echo whsec_$(openssl rand -base64 32)"
	if !validSecret(c.Credentials.Secret) {
		fail("credentials.secret", "is not whsec_ followed by 24 to 64 bytes in base64", secretHint)
	}
	if !c.Credentials.Previous.IsZero() && !validSecret(c.Credentials.Previous) {
		fail("credentials.previous_secret", "is not whsec_ followed by 24 to 64 bytes in base64", secretHint)
	}
	if c.Batch < 1 || c.Batch > 10_000 {
		fail("batch", "must be between 1 and 10000", "")
	}
	if c.BodyBytes < 2_000 || c.BodyBytes > 20_000_000 {
		fail("body_bytes", "must be between 2000 and 20000000", "")
	}
	if c.Timeout < time.Second || c.Timeout > time.Minute {
		fail("timeout", "must be between 1s and 1m", "")
	}
	if c.Rate <= 0 {
		fail("rate", "must be above 0", "")
	}
	return out
}

func validSecret(s connectors.Secret) bool {
	rest, ok := strings.CutPrefix(s.Reveal(), "whsec_")
	key, err := base64.StdEncoding.DecodeString(rest)
	return ok && err == nil && len(key) >= 24 && len(key) <= 64
}

// Connector is the webhook.
var Connector = connectors.Connector{
	Name:      "webhook",
	Title:     "Webhook",
	Version:   "Standard Webhooks 1.0.0",
	Config:    func() any { return &Config{} },
	Auth:      connectors.Auth{Kind: "signed", Field: "credentials.secret"},
	SecretURL: true,
	Budget:    []connectors.Budget{{Name: "requests", Rate: 10, Burst: 10, Concurrency: 4}},
	Timeout:   15 * time.Second,
	Objects: []connectors.Object{{
		Name: connectors.AnyObject, Description: "Whatever the sync calls it; the name travels in the message.",
		OpenIdentifiers: true,
		Fields:          connectors.FieldRules{Open: true, Null: connectors.NullAsNull},
		Actions:         actions(100, 1_000_000, 5*time.Minute),
	}},
	Adjust: adjust,
	Open: func(cfg any, env connectors.Env) (connectors.Writer, error) {
		return open(cfg.(*Config), env)
	},
	Standin: func(seed uint64) http.Handler { return sandbox.NewWebhook(sandbox.Options{Seed: seed}) },
}

func actions(rows, bytes int, window time.Duration) map[connectors.Action]connectors.Spec {
	spec := connectors.Spec{
		Class: connectors.ClassB, Window: window,
		Limits: connectors.Limits{Rows: rows, BodyBytes: bytes, AnswerBytes: 1 << 20},
		Fires:  "whatever the receiver does with a message",
	}
	if window == 0 {
		spec.Class = connectors.ClassD
	}
	out := map[connectors.Action]connectors.Spec{}
	for _, a := range connectors.Actions {
		out[a] = spec
	}
	erasing := spec
	erasing.Erases = true
	out[connectors.Delete] = erasing
	return out
}

// adjust: a webhook promises what its receiver does.
func adjust(c connectors.Connector, cfg any) connectors.Connector {
	w := cfg.(*Config)
	o := c.Objects[0]
	o.Actions = actions(w.Batch, w.BodyBytes, w.DeduplicatesFor)
	c.Objects = []connectors.Object{o}
	c.Timeout = w.Timeout
	b := c.Budget[0]
	b.Rate, b.Burst = w.Rate, max(1, int(w.Rate))
	c.Budget = []connectors.Budget{b}
	if u, err := url.Parse(w.Address()); err == nil {
		c.Hosts = []string{u.Hostname()}
	}
	return c
}
