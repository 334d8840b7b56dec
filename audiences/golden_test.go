package audiences

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/project"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestTheStatementThatComputesAVersion shows what is run, so that a change of
// it is seen in review.
func TestTheStatementThatComputesAVersion(t *testing.T) {
	t.Parallel()
	file := func(name string, header project.Header) *project.SQLFile {
		f := &project.SQLFile{Kind: project.KindAudience, Header: header, BodyLine: 1}
		f.Name = name
		return f
	}
	columns := []Column{{Name: "user_id", Type: "String"}, {Name: "spent", Type: "Nullable(Float64)"}, {Name: "odd`name", Type: "Nullable(Nothing)"}}
	for name, c := range map[string]struct {
		file    *project.SQLFile
		columns []Column
		rows    int64
	}{
		"profile":  {file("vip", project.Header{Entity: "profile"}), append([]Column{{Name: "profile_id", Type: "UUID"}}, columns[1:]...), 0},
		"resolved": {file("crm", project.Header{Entity: "profile", Because: []string{"spent"}}), columns, 1000},
		"raw":      {file("rows", project.Header{Entity: "none", Key: "spent"}), columns, 0},
	} {
		s, err := newShape(c.file, c.columns)
		require.NoError(t, err)
		got := s.createTable("`db`.`"+s.tableName()+"`") + ";\n\n" +
			s.insert("`db`.`"+s.tableName()+"`", 7, []string{expression("some model", "SELECT 1"), expression(rowsName, "SELECT * FROM `some model`")}, "`db`.`identities`", c.rows) +
			";\n\n-- hash: " + rowHash(s.stored) + "\n"
		path := "testdata/" + name + ".golden.sql"
		if *update {
			require.NoError(t, os.MkdirAll("testdata", 0o755))
			require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(want), got, "run `go test -run TheStatement -update` if this is meant")
	}
}
