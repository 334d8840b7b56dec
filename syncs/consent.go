package syncs

import (
	"fmt"
	"strings"
)

// The reasons for which a row of the selection is left out.
const (
	OutSuppressed     = "suppressed"
	OutConsentDenied  = "consent_denied"
	OutConsentUnknown = "consent_unknown"
	OutEmptyMatch     = "invalid_empty_match"
	OutDuplicateMatch = "invalid_duplicate_match"
	OutUnresolved     = "unresolved"
	OutQuarantined    = "quarantined"
	OutOpenTicket     = "open_ticket"
)

// permission is the SQL that tells, of rows with a person and identifiers, who
// may be sent: joins to add behind the rows, and two conditions.
type permission struct {
	joins      string
	suppressed string // condition: must never be sent
	denied     string // condition: some category isn't granted
	unknown    string // condition: of some category nothing is known
}

// permission generates it. person is the SQL of the profile id ("" if rows
// aren't about people), texts are the SQL of plain identifiers that are sent,
// emails those among them that are e-mail addresses.
func (e *Engine) permission(purposes []string, person string, texts, emails []string) permission {
	p := permission{suppressed: "0", denied: "0", unknown: "0"}
	db := e.table("x")
	db = strings.TrimSuffix(db, ".`x`")
	var suppressed []string
	for _, text := range texts {
		suppressed = append(suppressed, fmt.Sprintf("lowerUTF8(%s) IN (SELECT lowerUTF8(value) FROM %s.suppressions FINAL WHERE active AND value != '')", text, db))
	}
	if person != "" {
		suppressed = append(suppressed, person+" IN (SELECT person FROM ("+e.statement("people_of_identifiers", map[string]string{
			"columns": "toUInt8(1) AS one", "table": "suppressions", "where": "active"})+"))")
	}
	if len(suppressed) > 0 {
		p.suppressed = strings.Join(suppressed, "\n        OR ")
	}
	if len(purposes) == 0 {
		return p
	}
	pivot := func(columns *[]string) {
		for i, purpose := range purposes {
			is := "category = " + quote(purpose)
			*columns = append(*columns, fmt.Sprintf("(maxIf(version, %s), argMaxIf(toString(status), version, %s)) AS c%d", is, is, i))
		}
	}
	var columns []string
	pivot(&columns)
	quoted := make([]string, len(purposes))
	for i, purpose := range purposes {
		quoted[i] = quote(purpose)
	}
	where := "category IN (" + strings.Join(quoted, ", ") + ")"
	var sides []string
	if person != "" {
		p.joins += "LEFT ANY JOIN (SELECT person, " + strings.Join(columns, ", ") + " FROM (" + e.statement("people_of_identifiers", map[string]string{
			"columns": "category, status, version", "table": "consents", "where": where}) +
			") GROUP BY person) AS cp ON cp.person = " + person + "\n"
		sides = append(sides, "cp")
	}
	for i, email := range emails {
		side := fmt.Sprintf("ce%d", i)
		p.joins += "LEFT ANY JOIN (SELECT lowerUTF8(value) AS email, " + strings.Join(columns, ", ") + " FROM " + db +
			".consents FINAL WHERE kind = 'email' AND " + where + " GROUP BY email) AS " + side + " ON " + side + ".email = lowerUTF8(" + email + ")\n"
		sides = append(sides, side)
	}
	if len(sides) == 0 {
		p.unknown = "1"
		return p
	}
	var denied, unknown []string
	for i := range purposes {
		latest := make([]string, len(sides))
		for k, side := range sides {
			latest[k] = fmt.Sprintf("%s.c%d", side, i)
		}
		status := "arraySort([" + strings.Join(latest, ", ") + "])[-1].2"
		denied = append(denied, status+" NOT IN ('', 'granted')")
		unknown = append(unknown, status+" = ''")
	}
	p.denied, p.unknown = strings.Join(denied, " OR "), strings.Join(unknown, " OR ")
	return p
}
