package project

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shop is a small project without mistakes.
var shop = map[string]string{
	"tailrace.yml": `name: shop
warehouse: { read: [analytics] }
external: { analytics.refunds: { poll: 15m } }
outbound: { allow: ["127.0.0.1:8099"] }
environments: { staging: { database: shop_staging, redis_prefix: s } }
`,
	"sources/web.yml":         "kind: web\nwrite_key: ${env:KEY}\ntracking_plan: shop\n",
	"tracking_plans/shop.yml": "events:\n  Order Completed:\n    schema:\n      type: object\n      required: [total]\n",
	"models/customer_value.sql": `/* model
description: Value by person
*/
SELECT
    profile_id,                  -- canonical
    sum(properties.total::Nullable(Float64)) AS lifetime_value, -- in shop currency
    max(timestamp) last_order_at
FROM events AS e
LEFT JOIN analytics.refunds AS r ON r.id = e.message_id
GROUP BY profile_id
`,
	"traits/lifetime_value.sql": "/* trait\ntype: number\npurpose: [analytics]\n*/\nSELECT profile_id, lifetime_value FROM customer_value;\n",
	"audiences/lapsed_vip.sql": `/* audience
description: Spent a lot, gone for long
owner: growth@example.com
schedule: every 15m
tags: [retention]
limits: { max_shrink: 30% }
because: [big]
tests:
  - min_members: 1
  - unique
  - { not_null: profile_id, severity: warn }
purpose: [marketing]
*/
SELECT profile_id, last_order_at, lifetime_value > 200 AS big
FROM customer_value
WHERE last_order_at < now() - INTERVAL 90 DAY
`,
	"destinations/hubspot.yml": `connector: hubspot
base_url: ${env:HUBSPOT_URL:-http://127.0.0.1:8099}
credentials: { access_token: ${env:TOKEN} }
purpose: [crm]
limits: { requests_per_second: 8, concurrency: 4 }
api_version: v3
app: { id: ${env:SET}, note: "a ${env:SET}" }
`,
	"syncs/vip.yml": `audience: lapsed_vip
destination: hubspot
object: contacts
mode: mirror
match: { email: profile.email }
fields:
  lastname: profile.last_name
  firstname: profile.first_name
  lifetime_value: profile.lifetime_value
  segment: { const: lapsed_vip }
  none: { const: null }
  last_order: { column: last_order_at, format: date, default: never }
on_exit: { set: { segment: null } }
consent: [email]
guard: { max_removed: 20%, max_changes: 100000 }
`,
}

func load(t *testing.T, files map[string]string) *Project {
	t.Helper()
	p, out := Load(writeProject(t, files), testEnv)
	require.Empty(t, out.String())
	return p
}

func TestLoadReadsEveryKindOfFile(t *testing.T) {
	t.Parallel()
	p := load(t, shop)
	require.Equal(t, "shop", p.Config.ProjectName)
	require.Equal(t, 400*24*time.Hour, p.Config.Retention.Changes.Std())
	require.Equal(t, Size(4<<30), p.Config.Limits.Memory)
	require.Equal(t, 100, p.Config.Identity.MaxIDs)
	require.Equal(t, "key", p.Source("web").WriteKey.Reveal())
	require.Equal(t, p.Source("web"), p.SourceByWriteKey("key"))
	require.Nil(t, p.SourceByWriteKey(""))
	require.JSONEq(t, `{"type":"object","required":["total"]}`, string(p.TrackingPlan("shop").Events["Order Completed"].Schema.RawMessage))
	require.Equal(t, "allow", p.TrackingPlan("shop").OnViolation)

	a := p.Audience("lapsed_vip")
	require.Equal(t, KindAudience, a.Kind)
	require.Equal(t, 14, a.BodyLine)
	require.Equal(t, Position{14, 1}, a.At(1, 1))
	require.Equal(t, Schedule{Kind: Every, Interval: 15 * time.Minute}, a.Header.Schedule)
	require.Equal(t, Percent(30), *a.Header.Limits.MaxShrink)
	require.Nil(t, a.Header.Limits.MaxGrow)
	require.Equal(t, "profile", a.Header.Entity)
	require.Equal(t, []string{"min_members: 1", "unique: key", "not_null: profile_id"},
		[]string{a.Header.Tests[0].String(), a.Header.Tests[1].String(), a.Header.Tests[2].String()})
	require.Equal(t, SeverityWarning, a.Header.Tests[2].Severity)
	require.Equal(t, map[string]string{"profile_id": "canonical", "lifetime_value": "in shop currency"},
		p.Model("customer_value").ColumnDescriptions())
	require.Equal(t, "last_order_at", p.Model("customer_value").Columns[2].Name)
	require.NotContains(t, p.Trait("lifetime_value").SQL, ";")

	d := p.Destination("hubspot")
	require.Equal(t, "http://127.0.0.1:8099", d.BaseURL)
	require.Equal(t, "token", d.Credentials["access_token"].Reveal())
	require.Equal(t, map[string]any{"api_version": "v3", "app": map[string]any{"id": NewSecret("value"), "note": "a value"}}, d.Settings)
	require.Equal(t, Position{7, 12}, d.Positions.At("app", "id"))
}

func TestLoadReadsASync(t *testing.T) {
	t.Parallel()
	s := load(t, shop).Sync("vip")
	require.Equal(t, map[string]Column{"email": {Profile: true, Name: "email"}}, s.Match)
	names := make([]string, len(s.Fields))
	for i, f := range s.Fields {
		names[i] = f.Name
	}
	require.Equal(t, []string{"lastname", "firstname", "lifetime_value", "segment", "none", "last_order"}, names)
	require.Equal(t, "lapsed_vip", s.Fields[3].Const)
	require.True(t, s.Fields[4].IsConst)
	require.Nil(t, s.Fields[4].Const)
	require.Equal(t, "date", s.Fields[5].Format)
	require.Equal(t, "never", s.Fields[5].Default)
	require.Equal(t, ExitSet, s.OnExit.Kind)
	require.Equal(t, "segment", s.OnExit.Set[0].Name)
	require.Nil(t, s.OnExit.Set[0].Const)
	require.Equal(t, OnChange, s.Schedule.Kind)
	require.Equal(t, Percent(20), *s.Guard.MaxRemoved)
	require.EqualValues(t, 100000, *s.Guard.FirstSync)
	require.Equal(t, "hold", s.Guard.Otherwise)
	require.Equal(t, "drain", s.OnDelete)
}

func TestEnvironmentsOverride(t *testing.T) {
	t.Parallel()
	c := load(t, shop).Config
	staging, err := c.In("staging")
	require.NoError(t, err)
	require.Equal(t, "shop_staging", staging.Warehouse.Database)
	require.Equal(t, "s", staging.Redis.Prefix)
	_, err = c.In("stagin")
	require.EqualError(t, err, "tailrace.yml names no environment stagin, did you mean staging?")
}

func TestABundleIsTheProjectWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	p := load(t, shop)
	raw := p.Bundle()
	require.NotContains(t, string(raw), `"token"`)
	require.Contains(t, string(raw), "${env:TOKEN}")

	again, out, err := FromBundle(raw, func(name string) (string, bool) { return "other " + name, true })
	require.NoError(t, err)
	require.Empty(t, out)
	require.Equal(t, p.Hash, again.Hash)
	require.Equal(t, raw, again.Bundle())
	require.Equal(t, "other TOKEN", again.Destination("hubspot").Credentials["access_token"].Reveal())
	require.Equal(t, p.Graph().Nodes(), again.Graph().Nodes())

	_, out, err = FromBundle(raw, func(string) (string, bool) { return "", false })
	require.NoError(t, err)
	require.True(t, out.HasErrors(), "what this process lacks is named")
	_, _, err = FromBundle([]byte(`{"format":2}`), nil)
	require.EqualError(t, err, "reading a project bundle: format 2, this binary reads 1")
	_, _, err = FromBundle([]byte(`[`), nil)
	require.Error(t, err)
}

func TestFingerprintsTellRowsFromTheRest(t *testing.T) {
	t.Parallel()
	base := load(t, shop)
	with := func(path, from, to string) *Project {
		files := map[string]string{}
		for name, text := range shop {
			files[name] = text
		}
		require.Contains(t, files[path], from)
		files[path] = replaceOnce(files[path], from, to)
		return load(t, files)
	}
	const path = "audiences/lapsed_vip.sql"
	for name, c := range map[string]struct {
		from, to   string
		rows, meta bool
	}{
		"owner":   {"growth@", "vip@", false, true},
		"blanks":  {"\nFROM", "  FROM /* from */", false, false},
		"because": {"because: [big]\n", "", true, false},
		"where":   {"90 DAY", "91 DAY", true, false},
		"tests":   {"min_members: 1", "min_members: 2", false, true},
	} {
		p := with(path, c.from, c.to)
		a, b := base.Audience("lapsed_vip"), p.Audience("lapsed_vip")
		require.Equal(t, c.rows, a.RowFingerprint() != b.RowFingerprint(), name)
		require.Equal(t, c.meta, a.MetaFingerprint() != b.MetaFingerprint(), name)
	}
	p := with("syncs/vip.yml", "format: date", "format: unix")
	require.NotEqual(t, base.Sync("vip").RowFingerprint(), p.Sync("vip").RowFingerprint())
	require.Equal(t, base.Sync("vip").MetaFingerprint(), p.Sync("vip").MetaFingerprint())
	p = with("syncs/vip.yml", "20%", "21%")
	require.Equal(t, base.Sync("vip").RowFingerprint(), p.Sync("vip").RowFingerprint())
	require.NotEqual(t, base.Sync("vip").MetaFingerprint(), p.Sync("vip").MetaFingerprint())
}

func TestRenamesAreSuggested(t *testing.T) {
	t.Parallel()
	before := load(t, shop)
	files := map[string]string{}
	for name, text := range shop {
		files[name] = text
	}
	files["syncs/vips.yml"] = files["syncs/vip.yml"]
	delete(files, "syncs/vip.yml")
	after := load(t, files)
	require.Equal(t, "syncs/vips.yml:1:1: warning: vips looks like vip, which is gone (if it was renamed, write renamed_from: vip)\n",
		after.SuggestRenames(before).String())
	files["syncs/vips.yml"] += "renamed_from: vip\n"
	require.Empty(t, load(t, files).SuggestRenames(before))
	require.Empty(t, before.SuggestRenames(before))
}

func TestSchemasComeFromTheTypes(t *testing.T) {
	t.Parallel()
	for _, kind := range SchemaKinds() {
		raw, err := Schema(kind)
		require.NoError(t, err)
		var s struct {
			Description string
			Properties  map[string]struct {
				Description string
				Enum        []string
				Default     any
			}
			Required []string
		}
		require.NoError(t, json.Unmarshal(raw, &s), kind)
		require.NotEmpty(t, s.Description, kind)
		require.NotEmpty(t, s.Properties, kind)
		require.NoError(t, compiles(raw), kind)
		for key, p := range s.Properties {
			require.NotEmpty(t, p.Description, "%s.%s needs a comment on its field", kind, key)
		}
		if kind == "sync" {
			require.Contains(t, s.Properties["mode"].Enum, "mirror")
			require.Equal(t, "drain", s.Properties["on_delete"].Default)
			require.Subset(t, s.Required, []string{"destination", "object", "mode"})
		}
	}
	_, err := Schema("synk")
	require.EqualError(t, err, "no kind of file is called synk, did you mean sync?")
}
