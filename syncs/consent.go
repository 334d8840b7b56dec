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
	OutRefusedMatch   = "invalid_refused_match"
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

// named is an identifier by which consents and suppressions may name the person
// of a row: as the row has it, and a value of those tables in the same form.
type named struct {
	row   string // SQL; '' where the row has none
	value string // SQL over the column value; '' where it can't be such an identifier
	email bool
}

// plain compares an identifier's text, whatever its letter case.
func (j *job) plain(name, text string) named {
	return named{row: "lowerUTF8(" + text + ")", value: "lowerUTF8(value)", email: j.isEmail(name)}
}

// asSent compares an identifier in the form in which it is sent. What was hashed
// can't be read back, so the values are hashed alike: whoever is suppressed by
// an address is found by its hash, in a plan that holds nothing else too.
func (j *job) asSent(name, sent string) (named, error) {
	i := j.identifier(name)
	if i.Normaliser == "" {
		return j.plain(name, sent), nil
	}
	value, err := identifierSQL(i, "value")
	return named{row: sent, value: value, email: j.isEmail(name)}, err
}

func (j *job) isEmail(name string) bool {
	return strings.Contains(name, "email") || j.sync.Match[name].Name == "email"
}

// permission generates it. person is the SQL of the profile id ("" if rows
// aren't about people), by are the identifiers to look for.
func (e *Engine) permission(purposes []string, person string, by []named) permission {
	p := permission{suppressed: "0", denied: "0", unknown: "0"}
	db := e.table("x")
	db = strings.TrimSuffix(db, ".`x`")
	var suppressed []string
	for _, n := range by {
		suppressed = append(suppressed, fmt.Sprintf("%s IN (SELECT %s AS named FROM %s.suppressions FINAL WHERE active AND named != '')", n.row, n.value, db))
	}
	erased := "hex(SHA256(concat((SELECT secret FROM " + db + ".privacy_keys ORDER BY created_at, secret LIMIT 1), %s))) IN (SELECT value FROM " +
		db + ".suppressions FINAL WHERE active AND kind = 'erased')"
	for _, n := range by { // who was erased is known by a keyed hash only, of the address and of its hashes
		if n.email {
			suppressed = append(suppressed, fmt.Sprintf(erased, "'email:', "+n.row), fmt.Sprintf(erased, "'hash:', lowerUTF8("+n.row+")"))
		}
	}
	if person != "" {
		suppressed = append(suppressed, person+" IN (SELECT profile_id FROM "+db+".identities FINAL WHERE (SELECT count() FROM "+db+".privacy_keys) > 0 AND "+
			fmt.Sprintf(erased, "toString(kind), ':', if(kind = 'email', lowerUTF8(value), value)")+")")
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
	for _, n := range by {
		if !n.email {
			continue
		}
		side := fmt.Sprintf("ce%d", len(sides))
		p.joins += "LEFT ANY JOIN (SELECT " + n.value + " AS email, " + strings.Join(columns, ", ") + " FROM " + db +
			".consents FINAL WHERE kind = 'email' AND " + where + " GROUP BY email HAVING email != '') AS " + side + " ON " + side + ".email = " + n.row + "\n"
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
