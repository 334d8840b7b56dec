package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const modulePath = "github.com/tailrace/tailrace/"

// mayImport is who may import whom, and why: the house's map. A package matches its longest prefix here.
var mayImport = map[string]struct {
	allowed []string
	why     string
}{
	"sql/lex":     {nil, "a tokenizer is text in, tokens out"},
	"sql":         {nil, "embedded files know nobody"},
	"project":     {[]string{"sql/lex"}, "files are read without a database or a network"},
	"project/dbt": {nil, "dbt's artifacts are files, and know nobody"},
	"warehouse":   {[]string{"sql", "sql/lex", "warehouse"}, "the warehouse must not know projects, vendors or the API"},
	"connectors":  {[]string{"connectors"}, "a connector must not know the warehouse, runs or queues"},
	"jobs":        {[]string{"warehouse", "jobs"}, "the queue must not know what a job does"},
	"collector":   {[]string{"project", "warehouse"}, "the collector must not know audiences or syncs"},
	"audiences":   {[]string{"project", "warehouse", "jobs", "audiences", "sql/lex"}, "audiences must not know syncs, vendors or HTTP"},
	"syncs":       {[]string{"project", "warehouse", "jobs", "connectors", "syncs/audit"}, "syncs must not know any one vendor or the API"},
	"syncs/audit": {[]string{"warehouse"}, "the audit log must not know what is done, nor who may do it"},
	"syncs/erasure": {[]string{"project", "warehouse", "jobs", "connectors", "syncs", "audiences/identity"},
		"erasure reaches every table; the collector's log it reaches by a function"},
	"api":       {[]string{"project", "project/dbt", "warehouse", "jobs", "collector", "audiences", "audiences/identity", "syncs", "syncs/audit", "syncs/erasure", "connectors"}, "the API must not know vendors"},
	"dashboard": {nil, "the dashboard talks to the API over HTTP only"},
}

// vendors are packages under connectors that only connectors/all and cmd may name.
func isVendor(pkg string) bool {
	rest, ok := strings.CutPrefix(pkg, "connectors/")
	return ok && rest != "all" && rest != "sandbox" && rest != "connectortest"
}

// TestImports keeps the packages apart: nouns at the centre, adapters blind to each other, cmd wires.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, modulePath+"...").Output()
	require.NoError(t, err)
	packages := 0
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		fields := strings.Fields(line)
		pkg := strings.TrimPrefix(fields[0], modulePath)
		if strings.HasPrefix(pkg, "cmd/") {
			continue
		}
		packages++
		rule, ok := ruleFor(pkg)
		require.True(t, ok, "%s has no rule: add it to the map with its reason, or put the code where it belongs", pkg)
		for _, imported := range fields[1:] {
			ours, is := strings.CutPrefix(imported, modulePath)
			if !is || ours == pkg {
				continue
			}
			require.True(t, allows(rule.allowed, ours), "%s imports %s: %s", pkg, ours, rule.why)
			if isVendor(ours) {
				require.True(t, pkg == "connectors/all" || strings.HasPrefix(pkg, "connectors/sandbox") || strings.HasPrefix(pkg, "connectors/connectortest"),
					"%s imports the vendor %s: only connectors/all lists vendors", pkg, ours)
			}
		}
	}
	require.Greater(t, packages, 8)
}

func ruleFor(pkg string) (rule struct {
	allowed []string
	why     string
}, ok bool) {
	for prefix := pkg; ; {
		if r, found := mayImport[prefix]; found {
			return r, true
		}
		i := strings.LastIndexByte(prefix, '/')
		if i < 0 {
			return rule, false
		}
		prefix = prefix[:i]
	}
}

func allows(allowed []string, pkg string) bool {
	for _, a := range allowed {
		if pkg == a || (strings.HasPrefix(pkg, a+"/") && (a == "connectors" || a == "warehouse" || a == "jobs" || a == "audiences")) {
			return true
		}
	}
	return false
}
