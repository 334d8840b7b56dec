package project

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func replaceOnce(s, from, to string) string { return strings.Replace(s, from, to, 1) }

func spell(nodes []Node) string {
	words := make([]string, len(nodes))
	for i, n := range nodes {
		words[i] = n.String()
	}
	return strings.Join(words, ", ")
}

func TestGraphOrdersWhatReadsWhat(t *testing.T) {
	t.Parallel()
	g := load(t, shop).Graph()
	sync, model := Node{KindSync, "vip"}, Node{KindModel, "customer_value"}
	require.Equal(t, "audience lapsed_vip, builtin events, builtin profiles, external analytics.refunds, model customer_value, trait lifetime_value",
		sorted(g.Upstream(sync)))
	require.Equal(t, "audience lapsed_vip, sync vip, trait lifetime_value", sorted(g.Downstream(model)))
	require.Equal(t, "builtin events, external analytics.refunds", spell(g.Reads(model)))
	require.Equal(t, "audience lapsed_vip, trait lifetime_value", spell(g.ReadBy(model)))
	seen := map[Node]bool{}
	for _, n := range g.Nodes() {
		for _, up := range g.Reads(n) {
			require.True(t, seen[up], "%s comes before %s", up, n)
		}
		seen[n] = true
	}
}

func sorted(nodes []Node) string {
	sortNodes(nodes)
	return spell(nodes)
}

func TestPurposesAreInherited(t *testing.T) {
	t.Parallel()
	p := load(t, shop)
	require.Equal(t, []string{"analytics", "crm", "email", "marketing"}, p.Purposes(p.Sync("vip")))
}

func TestSelectors(t *testing.T) {
	t.Parallel()
	p := load(t, shop)
	for selector, want := range map[string]string{
		"lapsed_vip":                 "audience lapsed_vip",
		"tag:retention":              "audience lapsed_vip",
		"+lapsed_vip":                "audience lapsed_vip, model customer_value",
		"customer_value+":            "audience lapsed_vip, model customer_value, sync vip, trait lifetime_value",
		"./traits/":                  "trait lifetime_value",
		"audiences/lapsed_vip.sql":   "audience lapsed_vip",
		"l*":                         "audience lapsed_vip, trait lifetime_value",
		"customer_value+,audiences/": "audience lapsed_vip",
		"customer_value+, traits/":   "trait lifetime_value",
		"+vip":                       "audience lapsed_vip, model customer_value, sync vip, trait lifetime_value",
	} {
		nodes, err := p.Select([]string{selector}, nil)
		require.NoError(t, err, selector)
		require.Equal(t, want, sorted(nodes), selector)
	}
	all, err := p.Select(nil, []string{"syncs/", "lifetime_value"})
	require.NoError(t, err)
	require.Equal(t, "audience lapsed_vip, model customer_value", sorted(all))
	_, err = p.Select([]string{"lapsed_vp"}, nil)
	require.EqualError(t, err, `selecting "lapsed_vp": nothing is called so, did you mean lapsed_vip?`)
}

func TestTablesOfTheOwnDatabases(t *testing.T) {
	t.Parallel()
	p := load(t, map[string]string{
		"tailrace.yml": "warehouse: { database: shop }\n",
		"models/a.sql": "/* model */\nSELECT profile_id FROM shop.events WHERE event IN orders AND profile_id IN profiles\n",
		"models/b.sql": "/* model */\nSELECT profile_id FROM shop_project.a, numbers(3)\n",
	})
	require.Equal(t, "builtin events, builtin profiles, model a, model b", sorted(p.Graph().Nodes()))
}
