package project

import (
	"fmt"
	"net/url"
	"slices"

	"github.com/goccy/go-yaml/ast"
	"github.com/invopop/jsonschema"
)

// Config is tailrace.yml: what holds for the whole project.
type Config struct {
	Origin `yaml:"-" json:"-"`
	// Name of the project, for people.
	ProjectName string `yaml:"name" json:"name,omitempty"`
	// Warehouse is where data is kept.
	Warehouse Warehouse `yaml:"warehouse" json:"warehouse,omitempty"`
	// Redis is where the queue is kept.
	Redis Redis `yaml:"redis" json:"redis,omitempty"`
	// Retention is how long rows are kept; what it doesn't name is kept for ever or as the documentation says.
	Retention Retention `yaml:"retention" json:"retention,omitempty"`
	// Limits hold for every query of the project's own SQL.
	Limits QueryLimits `yaml:"limits" json:"limits,omitempty"`
	// Identity says how identifiers become profiles.
	Identity Identity `yaml:"identity" json:"identity,omitempty"`
	// Collector limits what is accepted.
	Collector Collector `yaml:"collector" json:"collector,omitempty"`
	// Outbound guards requests to destinations.
	Outbound Outbound `yaml:"outbound" json:"outbound,omitempty"`
	// Alerts say whom to tell what needs a person.
	Alerts Alerts `yaml:"alerts" json:"alerts,omitempty"`
	// External describes tables of other databases that the project's SQL reads, by database.table.
	External map[string]External `yaml:"external" json:"external,omitempty"`
	// Environments override the database and the Redis prefix, by name.
	Environments map[string]Environment `yaml:"environments" json:"environments,omitempty"`
}

// Warehouse says where data is kept.
type Warehouse struct {
	// DSN is embedded://PATH, http(s)://… or clickhouse://…; TAILRACE_WAREHOUSE wins over it.
	DSN Address `yaml:"dsn" json:"dsn,omitempty"`
	// Database holds the data; the project's views are in <database>_project.
	Database string `yaml:"database" json:"database,omitempty"`
	// Cluster makes tables replicated, on this cluster.
	Cluster string `yaml:"cluster" json:"cluster,omitempty"`
	// Read lists other databases that the project's SQL may read.
	Read []string `yaml:"read" json:"read,omitempty"`
}

// Redis says where the queue is kept.
type Redis struct {
	// URL is redis://…; TAILRACE_REDIS wins over it, and without either Redis runs in the process.
	URL Address `yaml:"url" json:"url,omitempty"`
	// Prefix of all keys.
	Prefix string `yaml:"prefix" json:"prefix,omitempty"`
}

// Retention is how long rows are kept. Zero events means for ever.
type Retention struct {
	// Events are kept this long; for ever if it isn't written.
	Events Duration `yaml:"events" json:"events,omitempty"`
	// Changes, intents and outcomes are kept this long.
	Changes Duration `yaml:"changes" json:"changes,omitempty" default:"400d"`
	// Rejected events are kept this long.
	Rejected Duration `yaml:"rejected" json:"rejected,omitempty" default:"90d"`
}

// QueryLimits hold for every query of the project's own SQL.
type QueryLimits struct {
	// Time one query may take.
	Time Duration `yaml:"time" json:"time,omitempty" default:"10m"`
	// Memory one query may take.
	Memory Size `yaml:"memory" json:"memory,omitempty" default:"4GiB"`
	// Rows one query may return; no limit if it isn't written.
	Rows int64 `yaml:"rows" json:"rows,omitempty" validate:"min=0"`
}

// Identity says how identifiers become profiles.
type Identity struct {
	// Blocked identifiers never make a profile, beside those that never do: null, undefined, 0, anonymous and the empty one.
	Blocked []string `yaml:"blocked" json:"blocked,omitempty"`
	// MaxIDs is how many identifiers one profile may gather before further merges are refused.
	MaxIDs int `yaml:"max_ids" json:"max_ids,omitempty" default:"100" validate:"min=1"`
}

// Collector limits what is accepted.
type Collector struct {
	// LogSize is how much may wait on disk before events are answered 503.
	LogSize Size `yaml:"log_size" json:"log_size,omitempty" default:"4GiB"`
}

// Outbound guards requests to destinations.
type Outbound struct {
	// Allow lists private addresses (host, host:port or CIDR) that destinations may have.
	Allow []string `yaml:"allow" json:"allow,omitempty"`
}

// Environment overrides what separates one environment from another.
type Environment struct {
	// Database holds the environment's data.
	Database string `yaml:"database" json:"database,omitempty"`
	// RedisPrefix of all its keys.
	RedisPrefix string `yaml:"redis_prefix" json:"redis_prefix,omitempty"`
}

// In returns the configuration of one environment. It fails if tailrace.yml
// doesn't name it.
func (c Config) In(environment string) (Config, error) {
	e, ok := c.Environments[environment]
	if !ok {
		known := make([]string, 0, len(c.Environments))
		for name := range c.Environments {
			known = append(known, name)
		}
		slices.Sort(known)
		return c, fmt.Errorf("tailrace.yml names no environment %s%s", environment, suggest(environment, known))
	}
	if e.Database != "" {
		c.Warehouse.Database = e.Database
	}
	if e.RedisPrefix != "" {
		c.Redis.Prefix = e.RedisPrefix
	}
	return c, nil
}

// Address is a URL that may hold a password: a literal is allowed as long as it
// holds none, and every formatting is redacted as a [Secret]'s.
type Address struct{ Secret }

// JSONSchema describes it for editors.
func (Address) JSONSchema() *jsonschema.Schema { return &jsonschema.Schema{Type: "string"} }

func (a *Address) decodeYAML(d *decoder, n ast.Node, path string) {
	text, ok := scalarText(n)
	if !ok || isReference(text) {
		a.Secret.decodeYAML(d, n, path)
		return
	}
	if u, err := url.Parse(text); err == nil && u.User != nil {
		if password, has := u.User.Password(); has && !isReference(password) {
			d.fail(n, CodeSecretLiteral, "write ${env:NAME} or ${file:/path}", "%s holds a password written into the file", d.name(path))
			return
		}
	}
	a.value, _ = d.resolve(n, text)
}
