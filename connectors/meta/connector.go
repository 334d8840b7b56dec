package meta

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/sandbox"
)

// Audience is the object: membership of one custom audience.
const Audience = "audience"

// Config is what a destination file of this connector holds.
type Config struct {
	connectors.Endpoint
	APIVersion  string      `json:"api_version" default:"v25.0" doc:"Version of Meta's Graph API. Versions expire about two years after they appear."`
	AdAccount   string      `json:"ad_account" required:"true" standin:"1" doc:"Id of the ad account that owns the audiences: digits, with or without act_ in front."`
	Credentials Credentials `json:"credentials"`
}

// Credentials of a system user.
type Credentials struct {
	AccessToken connectors.Secret `json:"access_token" required:"true" standin:"standin_access_token" doc:"Access token of a system user with the permission ads_management and access to the ad account."`
}

var (
	versionPattern = regexp.MustCompile(`^v[0-9]+\.[0-9]+$`)
	accountPattern = regexp.MustCompile(`^(act_)?[0-9]+$`)
)

// Validate checks what tags can't say.
func (c *Config) Validate() []connectors.ConfigError {
	var out []connectors.ConfigError
	if !versionPattern.MatchString(c.APIVersion) {
		out = append(out, connectors.ConfigError{Path: "api_version", Message: "is not a version of Meta's API", Hint: "write one such as v25.0"})
	}
	if c.AdAccount != "" && !accountPattern.MatchString(c.AdAccount) {
		out = append(out, connectors.ConfigError{Path: "ad_account", Message: "is not the id of an ad account", Hint: "write its digits, with or without act_ in front"})
	}
	return out
}

// account is the ad account's node.
func (c *Config) account() string { return "act_" + strings.TrimPrefix(c.AdAccount, "act_") }

// column is an identifier and its column in Meta's schema.
type column struct {
	identifier connectors.Identifier
	schema     string
}

func hashed(name, schema string, shared bool) column {
	return column{connectors.Identifier{Name: name, Form: connectors.SHA256Hex, Normaliser: "meta." + name, Shared: shared}, schema}
}

// columns in the order in which a request has them.
var columns = []column{
	{connectors.Identifier{Name: "external_id", Form: connectors.Plain}, "EXTERN_ID"},
	hashed("email", "EMAIL", false),
	hashed("phone", "PHONE", false),
	{connectors.Identifier{Name: "mobile_ad_id", Form: connectors.Plain}, "MADID"},
	hashed("first_name", "FN", true),
	hashed("last_name", "LN", true),
	hashed("first_initial", "FI", true),
	hashed("gender", "GEN", true),
	hashed("birth_year", "DOBY", true),
	hashed("birth_month", "DOBM", true),
	hashed("birth_day", "DOBD", true),
	hashed("city", "CT", true),
	hashed("state", "ST", true),
	hashed("zip", "ZIP", true),
	hashed("country", "COUNTRY", true),
}

func identifiers() []connectors.Identifier {
	out := make([]connectors.Identifier, len(columns))
	for i, c := range columns {
		out[i] = c.identifier
	}
	return out
}

const (
	maxAdd = 10_000 // the vendor's page, 2026-04
	// maxRemove is ours: larger removals failed for users of Meta's SDKs.
	maxRemove = 1000
)

func spec(rows int) connectors.Spec {
	return connectors.Spec{
		Class:  connectors.ClassA,
		Limits: connectors.Limits{Rows: rows},
		// A count of invalid entries is all that the answer says.
		Silent: true,
		Fires:  "ads that these people see or no longer see, and changes of lookalike audiences",
	}
}

// Connector is Meta's custom audiences.
var Connector = connectors.Connector{
	Name:    "meta",
	Title:   "Meta custom audiences",
	Version: "v25.0 (pages read 2026-11)",
	Config:  func() any { return &Config{Endpoint: connectors.Endpoint{BaseURL: "https://graph.facebook.com"}} },
	Auth:    connectors.Auth{Kind: "bearer", Field: "credentials.access_token"},
	Hosts:   []string{"graph.facebook.com"},
	// The lower tier of access: 5000 calls an hour and account, and 40 more for
	// each active audience.
	Budget: []connectors.Budget{{Name: "calls", Rate: 1.3, Burst: 20, Concurrency: 4}},
	Objects: []connectors.Object{{
		Name: Audience, Description: "Membership of one custom audience (subtype CUSTOM, of a customer list), by hashed identifiers.",
		Target: "audience", Identifiers: identifiers(),
		Fields: connectors.FieldRules{Null: connectors.NullUnsupported},
		Actions: map[connectors.Action]connectors.Spec{
			connectors.AddToList: spec(maxAdd), connectors.RemoveFromList: spec(maxRemove),
		},
	}},
	Open: func(cfg any, env connectors.Env) (connectors.Writer, error) {
		return open(cfg.(*Config), env), nil
	},
	Standin: func(seed uint64) http.Handler { return sandbox.NewMeta(sandbox.Options{Seed: seed}) },
}
