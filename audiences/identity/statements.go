package identity

import (
	"embed"
	"fmt"
	"regexp"
	"strings"
)

//go:embed statements/*.sql
var statementFiles embed.FS

// profileIDCall is the one macro of the statements: the base profile id of an identifier.
var profileIDCall = regexp.MustCompile(`\{\{profile_id\(([^,()]+), ([^,()]+)\)\}\}`)

// ProfileIDSQL is the expression of a base profile id: UUIDv5 over the
// namespace of docs/decisions.md §3 and "kind:value". kind and value are SQL
// expressions of type String.
func ProfileIDSQL(kind, value string) string {
	digest := fmt.Sprintf("lower(hex(SHA1(concat(unhex('5f1b0c0e7a1e5a649d3c7461696c7261'), %s, ':', %s))))", kind, value)
	return "arrayMap(h -> toUUID(concat(substring(h, 1, 8), '-', substring(h, 9, 4), '-5', substring(h, 14, 3), '-'," +
		" substring('89ab', reinterpretAsUInt8(unhex(concat('0', substring(h, 17, 1)))) % 4 + 1, 1), substring(h, 18, 3)," +
		" '-', substring(h, 21, 12))), [" + digest + "])[1]"
}

// statement renders one of the embedded statements. database is quoted.
func statement(name, database string) (string, error) {
	text, err := statementFiles.ReadFile("statements/" + name + ".sql")
	if err != nil {
		return "", fmt.Errorf("reading statement %s: %w", name, err)
	}
	sql := strings.TrimSpace(string(text))
	for _, part := range []string{"pairs", "recent"} {
		if part == name || !strings.Contains(sql, "{{"+part+"}}") {
			continue
		}
		inner, err := statement(part, database)
		if err != nil {
			return "", err
		}
		sql = strings.ReplaceAll(sql, "{{"+part+"}}", "\n"+inner+"\n")
	}
	sql = profileIDCall.ReplaceAllStringFunc(sql, func(call string) string {
		m := profileIDCall.FindStringSubmatch(call)
		return ProfileIDSQL(m[1], m[2])
	})
	return strings.ReplaceAll(sql, "{{database}}", database), nil
}
