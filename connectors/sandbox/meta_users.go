package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// metaColumns are the columns of a schema; true: hashed before they are sent.
var metaColumns = map[string]bool{
	"EXTERN_ID": false, "MADID": false,
	"EMAIL": true, "PHONE": true, "GEN": true, "DOBY": true, "DOBM": true, "DOBD": true, "LN": true, "FN": true, "FI": true,
	"CT": true, "ST": true, "ZIP": true, "COUNTRY": true,
}

// metaKeys are the columns by which a member is found again.
var metaKeys = []string{"EXTERN_ID", "EMAIL", "PHONE", "MADID"}

// metaUpload is the body of a change of an audience's users.
type metaUpload struct {
	Session struct {
		ID        json.Number `json:"session_id"`
		Seq       int         `json:"batch_seq"`
		Last      bool        `json:"last_batch_flag"`
		Estimated int         `json:"estimated_num_total"`
	} `json:"session"`
	Payload struct {
		Schema []string   `json:"schema"`
		Data   [][]string `json:"data"`
	} `json:"payload"`
}

// audience answers what concerns one audience.
func (m *Meta) audience(w http.ResponseWriter, r *http.Request, id, edge string, body []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.audiences[id]
	if !ok && strings.HasPrefix(id, "standin_") && !m.dropped[id] {
		a, ok = newMetaAudience(id), true
		m.audiences[id] = a
	}
	if !ok {
		m.fail(w, http.StatusBadRequest, metaError{Type: "GraphMethodException", Code: 100, Subcode: 33,
			Message: "Unsupported request. Object with ID '" + id + "' does not exist, cannot be loaded due to missing permissions, or does not support this operation."})
		return
	}
	switch {
	case edge == "" && r.Method == http.MethodGet:
		m.describe(w, r, id, a)
	case edge == "sessions" && r.Method == http.MethodGet:
		m.session(w, r, a)
	case edge == "users" && (r.Method == http.MethodPost || r.Method == http.MethodDelete):
		m.users(w, r, id, a, body)
	default:
		m.fail(w, http.StatusBadRequest, metaError{Type: "GraphMethodException", Code: 100, Message: "Unsupported " + r.Method + " request"})
	}
}

// users adds people to an audience or removes them.
func (m *Meta) users(w http.ResponseWriter, r *http.Request, id string, a *metaAudience, body []byte) {
	switch {
	case strings.HasPrefix(id, "standin_flagged"):
		m.fail(w, http.StatusBadRequest, metaError{Type: "OAuthException", Code: 100, Subcode: 1713230, Message: "Invalid parameter",
			UserTitle: "Custom audience flagged", UserWords: "This audience was flagged for a possible violation of terms and can't be changed."})
		return
	case strings.HasPrefix(id, "standin_terms"):
		m.fail(w, http.StatusBadRequest, metaError{Type: "OAuthException", Code: 200, Subcode: 1870034, Message: "Permissions error",
			UserTitle: "Custom Audience Terms Not Accepted", UserWords: "Accept the Custom Audience terms before you create or edit an audience."})
		return
	}
	invalidParameter := func(why string) {
		m.fail(w, http.StatusBadRequest, metaError{Type: "OAuthException", Code: 100, Message: "(#100) " + why})
	}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		invalidParameter("The parameter payload is required")
		return
	}
	var x metaUpload
	if err := decode(body, &x); err != nil {
		invalidParameter(err.Error())
		return
	}
	session, err := strconv.ParseUint(x.Session.ID.String(), 10, 64)
	switch {
	case err != nil || session == 0 || x.Session.Seq < 1:
		invalidParameter("The session needs session_id and batch_seq")
		return
	case len(x.Payload.Data) == 0 || len(x.Payload.Data) > metaRows:
		invalidParameter(fmt.Sprintf("A request carries 1 to %d rows", metaRows))
		return
	}
	rows, slowest, problem := m.read(x)
	if problem != "" {
		invalidParameter(problem)
		return
	}
	if r.Method == http.MethodDelete && m.tooSmall(a, rows) {
		m.fail(w, http.StatusBadRequest, metaError{Type: "OAuthException", Code: 100, Message: "Invalid parameter",
			UserTitle: "Audience Size too low", UserWords: "Audience Size too low: the audience would keep too few people."})
		return
	}
	if slowest {
		m.mu.Unlock()
		wait(r, m.o.Slow)
		m.mu.Lock()
	}
	m.applyUsers(r, id, a, rows)
	a.sessions[strconv.FormatUint(session, 10)] = metaSession{received: len(x.Payload.Data), invalid: len(x.Payload.Data) - len(rows), at: m.o.Now()}
	writeJSON(w, http.StatusOK, map[string]any{"audience_id": id, "session_id": strconv.FormatUint(session, 10), "num_received": len(x.Payload.Data),
		"num_invalid_entries": len(x.Payload.Data) - len(rows), "invalid_entry_samples": []string{}})
}

// read checks an upload as a whole and gives its valid rows: refused ones are
// only counted, never named.
func (m *Meta) read(x metaUpload) (rows []map[string]string, slowest bool, problem string) {
	seen := map[string]bool{}
	for _, column := range x.Payload.Schema {
		if _, ok := metaColumns[column]; !ok || seen[column] {
			return nil, false, "Invalid schema column " + column
		}
		seen[column] = true
	}
	for _, cells := range x.Payload.Data {
		if len(cells) != len(x.Payload.Schema) {
			return nil, false, "Data is missing or does not match schema"
		}
		row, valid := map[string]string{}, true
		for i, cell := range cells {
			if cell == "" {
				continue
			}
			column := x.Payload.Schema[i]
			if metaColumns[column] && (len(cell) != 64 || strings.Trim(cell, "0123456789abcdef") != "") {
				valid = false
			}
			row[column] = cell
		}
		switch m.temper(row) {
		case poison:
			return nil, false, "Data is missing or does not match schema"
		case invalid, forgotten, unnamed:
			valid = false
		case slow:
			slowest = true
		}
		if valid && len(row) > 0 {
			rows = append(rows, row)
		}
	}
	return rows, slowest, ""
}

// temperedHashes are the hashes of addresses that make a stand-in behave, at
// the domains of the examples: a hash hides the word.
var temperedHashes = func() map[string]string {
	out := map[string]string{}
	for _, b := range []behaviour{invalid, forgotten, unnamed, poison, slow} {
		for _, domain := range []string{"example.com", "shop.example"} {
			sum := sha256.Sum256([]byte(string(b) + "@" + domain))
			out[hex.EncodeToString(sum[:])] = string(b) + "@" + domain
		}
	}
	return out
}()

// temper decides by the external id, or by the hash of a known address.
func (m *Meta) temper(row map[string]string) behaviour {
	if b := m.tempers.of(row["EXTERN_ID"]); b != behaves {
		return b
	}
	if address := temperedHashes[row["EMAIL"]]; address != "" {
		return m.tempers.of(address)
	}
	return behaves
}

// same reports whether a row means a member: some key is equal, and none of
// those that both have differs.
func same(member, row map[string]string) bool {
	equal := false
	for _, column := range metaKeys {
		a, b := member[column], row[column]
		if a != "" && b != "" {
			if a != b {
				return false
			}
			equal = true
		}
	}
	return equal
}

// leaving are the keys of the members that rows mean.
func (a *metaAudience) leaving(rows []map[string]string) []string {
	byCell := map[string][]map[string]string{}
	for _, row := range rows {
		for _, column := range metaKeys {
			if row[column] != "" {
				byCell[column+row[column]] = append(byCell[column+row[column]], row)
			}
		}
	}
	var out []string
	for key, member := range a.members {
		if slices.ContainsFunc(metaKeys, func(column string) bool {
			return slices.ContainsFunc(byCell[column+member.cells[column]], func(row map[string]string) bool { return same(member.cells, row) })
		}) {
			out = append(out, key)
		}
	}
	return out
}

// tooSmall reports whether a removal that removes somebody would leave fewer
// people than an audience must keep.
func (m *Meta) tooSmall(a *metaAudience, rows []map[string]string) bool {
	if m.small == 0 {
		return false
	}
	n := len(a.leaving(rows))
	return n > 0 && len(a.members)-n < m.small
}

func (m *Meta) applyUsers(r *http.Request, id string, a *metaAudience, rows []map[string]string) {
	now := m.o.Now()
	receipt := Receipt{Method: r.Method, Path: r.URL.Path, Op: "add_to_list", Target: id}
	if r.Method == http.MethodDelete {
		receipt.Op = "remove_from_list"
	}
	if r.Method == http.MethodDelete {
		for _, key := range a.leaving(rows) {
			delete(a.members, key)
		}
	}
	for _, row := range rows {
		receipt.Rows = append(receipt.Rows, Applied{Match: row})
		if r.Method == http.MethodDelete {
			continue
		}
		key := memberKey(row)
		since := now
		if had, ok := a.members[key]; ok {
			since = had.since
		}
		a.members[key] = metaMember{cells: row, since: since}
	}
	m.counts.add("uploads "+receipt.Op, 1)
	m.counts.add("rows applied", len(rows))
	m.receipt(receipt)
}

func memberKey(row map[string]string) string {
	var b strings.Builder
	for _, column := range slices.Sorted(maps.Keys(row)) {
		b.WriteString(column + "=" + row[column] + "\n")
	}
	return b.String()
}

// wait is how long until one request may be made again.
func (x *window) wait() time.Duration {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.limit < 0 || len(x.times) < x.limit || len(x.times) == 0 {
		return 0
	}
	return max(x.times[0].Add(x.length).Sub(x.now()), 0)
}
