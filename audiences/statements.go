package audiences

import (
	"embed"
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/warehouse"
)

//go:embed statements/*.sql
var statementFiles embed.FS

// statement renders an embedded statement. parts are SQL fragments by the name
// of their {{placeholder}}; database and project_database are known.
func (a *Audiences) statement(name string, parts map[string]string) (string, error) {
	text, err := statementFiles.ReadFile("statements/" + name + ".sql")
	if err != nil {
		return "", fmt.Errorf("reading statement %s: %w", name, err)
	}
	pairs := []string{
		"{{database}}", warehouse.QuoteIdentifier(a.db.Database()),
		"{{project_database}}", warehouse.QuoteIdentifier(a.db.ProjectDatabase()),
	}
	for key, part := range parts {
		pairs = append(pairs, "{{"+key+"}}", part)
	}
	return strings.NewReplacer(pairs...).Replace(strings.TrimSpace(string(text))), nil
}
