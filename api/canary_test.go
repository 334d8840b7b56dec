package api_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/api"
)

// reading is one GET route: the addresses under which it is asked, and the role that finds the person there.
type reading struct {
	paths []string
	shows api.Role // "": nobody, as the route is about no person
}

// readings must name every GET route of the document.
func (w *canaryWorld) readings() map[string]reading {
	one := func(path string) []string { return []string{path} }
	lists := func(path string, filters ...string) []string {
		out := []string{path, path + "?limit=1"}
		for _, f := range filters {
			out = append(out, path+"?"+f)
		}
		return out
	}
	personal := func(name string) (out []string) { // filters by people's values, which would tell who is here
		for _, v := range []string{canaryUser, canaryMail, canaryMail[:6], "ca", "C"} {
			out = append(out, name+"="+url.QueryEscape(v))
		}
		return out
	}
	run := "/api/v1/runs/" + w.sent
	members := append(personal("prefix"), "columns=email", "columns=line&columns=user_id", "version=1")
	out := map[string]reading{
		"/api/v1/alerts":                    {lists("/api/v1/alerts"), api.Operator},
		"/api/v1/audiences":                 {one("/api/v1/audiences"), api.Operator},
		"/api/v1/audiences/{name}":          {one("/api/v1/audiences/buyers"), api.Operator},
		"/api/v1/audiences/{name}/changes":  {lists("/api/v1/audiences/buyers/changes", append(personal("key"), "change=enter", "version=1")...), ""},
		"/api/v1/audiences/{name}/members":  {lists("/api/v1/audiences/buyers/members", members...), api.Operator},
		"/api/v1/audiences/{name}/versions": {lists("/api/v1/audiences/buyers/versions"), api.Operator},
		"/api/v1/audiences/{name}/why":      {one("/api/v1/audiences/buyers/why?key=" + w.profile), api.Operator},
		"/api/v1/audit":                     {lists("/api/v1/audit", "action=read_profile"), api.Admin},
		"/api/v1/audit/verify":              {one("/api/v1/audit/verify"), ""},
		"/api/v1/collector":                 {one("/api/v1/collector"), ""},
		"/api/v1/columns":                   {append(one("/api/v1/columns"), "/api/v1/columns?table=buyers"), ""},
		"/api/v1/consents":                  {lists("/api/v1/consents", personal("value")...), api.Operator},
		"/api/v1/destinations":              {one("/api/v1/destinations"), ""},
		"/api/v1/destinations/{name}":       {one("/api/v1/destinations/hook"), ""},
		"/api/v1/erasures":                  {lists("/api/v1/erasures"), ""},
		"/api/v1/erasures/{id}":             {one("/api/v1/erasures/" + w.erasure), ""},
		"/api/v1/events/rejected":           {lists("/api/v1/events/rejected", "reason=invalid_type", "source=web"), api.Operator},
		"/api/v1/events/rejected/counts":    {one("/api/v1/events/rejected/counts"), ""},
		"/api/v1/external":                  {one("/api/v1/external"), ""},
		"/api/v1/ledger":                    {one("/api/v1/ledger"), api.Operator},
		"/api/v1/materializations/{id}":     {one("/api/v1/materializations/" + w.version), api.Operator},
		"/api/v1/profiles/{id}":             {append(one("/api/v1/profiles/"+w.profile), "/api/v1/profiles/"+canaryMail, "/api/v1/profiles/"+canaryUser+"?kind=user_id"), api.Operator},
		"/api/v1/project":                   {one("/api/v1/project"), ""},
		"/api/v1/runs":                      {lists("/api/v1/runs", "state=succeeded"), api.Operator},
		"/api/v1/runs/{id}":                 {append(one(run), "/api/v1/runs/"+w.left), api.Operator},
		"/api/v1/runs/{id}/changes":         {lists(run+"/changes", append(personal("q"), "op=add", "outcome=accepted")...), api.Operator},
		"/api/v1/runs/{id}/events":          {one(run + "/events"), api.Operator},
		"/api/v1/runs/{id}/exchanges":       {lists(run+"/exchanges", "batch=1"), api.Operator},
		"/api/v1/runs/{id}/left-out":        {lists("/api/v1/runs/"+w.left+"/left-out", "reason=suppressed"), api.Operator},
		"/api/v1/suppressions":              {lists("/api/v1/suppressions", personal("value")...), api.Operator},
		"/api/v1/syncs":                     {one("/api/v1/syncs"), api.Operator},
		"/api/v1/syncs/{name}":              {one("/api/v1/syncs/buyers_to_hook"), api.Operator},
		"/api/v1/syncs/{name}/runs":         {lists("/api/v1/syncs/buyers_to_hook/runs"), api.Operator},
		"/api/v1/tokens":                    {one("/api/v1/tokens"), ""},
		"/api/v1/traits":                    {one("/api/v1/traits"), api.Operator},
		"/api/v1/traits/{name}":             {append(one("/api/v1/traits/card"), "/api/v1/traits/spent"), api.Operator},
		"/api/v1/traits/{name}/members":     {lists("/api/v1/traits/card/members", members[:5]...), api.Operator},
		"/api/v1/traits/{name}/versions":    {lists("/api/v1/traits/card/versions"), api.Operator},
		"/api/v1/whoami":                    {one("/api/v1/whoami"), ""},
	}
	return out
}

// TestViewersMeetNobody asks every GET route as a viewer, over a database in which one person stands wherever a person
// may, and as somebody who may see that person. A route that the test doesn't know fails it.
func TestViewersMeetNobody(t *testing.T) {
	w := newCanaryWorld(setup(t))
	known := w.readings()
	for _, r := range routes(t, w.server.OpenAPI()) {
		if r.method != http.MethodGet {
			continue
		}
		reading, ok := known[r.path]
		require.True(t, ok, "GET %s is new: name here how it is asked, and who finds a person in its answer", r.path)
		delete(known, r.path)
		for _, path := range reading.paths {
			for page := path; page != ""; {
				got := w.ask(api.Viewer, r.method, page, nil)
				assert.Empty(t, canariesIn(got), "GET %s shows viewers a person: %s", page, got.raw)
				if r.role != api.Viewer {
					assert.Equal(t, 403, got.status, page)
				}
				assert.Contains(t, []int{200, 403}, got.status, "GET %s: %s", page, got.raw)
				page = nextPage(path, got)
			}
		}
		if reading.shows == "" {
			continue
		}
		got := w.ask(reading.shows, r.method, reading.paths[0], nil)
		assert.NotEmpty(t, canariesIn(got), "GET %s shows %s nobody, so that viewers see nobody there means nothing: %s", r.path, reading.shows, got.raw)
	}
	require.Empty(t, known, "routes that are gone")
	w.queries(t)
	w.marks(t)
}

// marks reads in the audit log what was done to the person, who isn't named there.
func (w *canaryWorld) marks(t *testing.T) {
	var sync api.SyncView
	w.ask(api.Operator, http.MethodGet, "/api/v1/syncs/buyers_to_hook", nil).into(200, &sync)
	assert.Equal(t, canaryWords, sync.PausedReason)
	require.Equal(t, 200, w.ask(api.Officer, http.MethodPost, "/api/v1/exports", map[string]any{"items": []map[string]any{{"kind": "anonymous_id", "value": canaryAnon}}}).status)
	for _, of := range []string{"email:" + canaryMail, "user_id:" + canaryUser, "anonymous_id:" + canaryAnon} {
		var log list[api.AuditEntry]
		w.ask(api.Admin, http.MethodGet, "/api/v1/audit?of="+url.QueryEscape(of), nil).into(200, &log)
		done := map[string]bool{}
		for _, e := range log.Items {
			done[e.Action] = true
			if e.Action != "read_profile" {
				assert.Empty(t, canariesIn(answer{raw: []byte(e.Object + " " + e.Detail)}), e.Action)
			}
		}
		for _, action := range []string{"write_consents", "write_suppressions", "erase", "export_person"} {
			assert.True(t, done[action], "%s of %s", action, of)
		}
	}
	var nobody list[api.AuditEntry]
	w.ask(api.Admin, http.MethodGet, "/api/v1/audit?of=email:bob@example.com", nil).into(200, &nobody)
	assert.Empty(t, nobody.Items)
	w.ask(api.Admin, http.MethodGet, "/api/v1/audit?of=bob", nil).problem(422)
}

// nextPage is the page after an answer; "" if none follows.
func nextPage(path string, got answer) string {
	var page struct {
		NextCursor string `json:"next_cursor"`
	}
	if !strings.Contains(path, "limit=1") || json.Unmarshal(got.raw, &page) != nil || page.NextCursor == "" {
		return ""
	}
	return path + "&cursor=" + url.QueryEscape(page.NextCursor)
}

// queries reads every table that SQL may read, its columns as they are and in disguise.
func (w *canaryWorld) queries(t *testing.T) {
	ask := func(role api.Role, sql, format string) answer {
		return w.ask(role, http.MethodPost, "/api/v1/query", map[string]string{"sql": sql, "format": format})
	}
	var columns list[api.CatalogColumn]
	w.ask(api.Viewer, http.MethodGet, "/api/v1/columns", nil).into(200, &columns)
	disguised := map[string][]string{}
	for _, c := range columns.Items {
		name := "`" + c.Column + "`"
		if c.Personal {
			text := "toString(" + name + ")"
			disguised[c.Table] = append(disguised[c.Table], fmt.Sprintf("hex(%s) AS `h_%s`, if(position(%s, '%s') > 0 OR %s = '%s', 'got behind', '') AS `is_%s`",
				text, c.Column, text, canaryMail, text, canaryLine, c.Column))
		}
	}
	require.Greater(t, len(disguised), 8)
	meets := 0
	for table, personal := range disguised {
		sql := "SELECT *, " + strings.Join(personal, ", ") + " FROM " + table
		got := ask(api.Viewer, sql, "JSONEachRow")
		assert.Equal(t, 200, got.status, "%s: %s", sql, got.raw)
		assert.Empty(t, canariesIn(got), "%s: %s", sql, got.raw)
		assert.NotContains(t, string(got.raw), "got behind", "a comparison got behind the mask: %s", sql)
		if meets <= 6 && len(canariesIn(ask(api.Operator, "SELECT * FROM "+table, "JSONEachRow"))) > 0 {
			meets++
		}
	}
	assert.Greater(t, meets, 6, "operators find the person in most tables")
	// Errors may not repeat what they were about.
	for _, sql := range []string{"SELECT toUInt64(email) AS n FROM profiles", "SELECT throwIf(length(full_name) > 0, 'no') AS n FROM buyers", "SELECT CAST(phone, 'UUID') AS n FROM buyers",
		"SELECT toDate(user_id) AS n FROM events", "SELECT JSONExtract(payload, 'Tuple(a UInt8)') AS n FROM events_rejected", "SELECT 1 AS n FROM buyers WHERE toIPv4(email) = toIPv4('1.2.3.4')"} {
		assert.Empty(t, canariesIn(ask(api.Viewer, sql, "")), sql)
	}
	assert.NotEmpty(t, canariesIn(ask(api.Operator, "SELECT toUInt64(email) AS n FROM profiles ORDER BY email DESC", "")), "an error does repeat it")
}

var (
	encoded = regexp.MustCompile(`[A-Za-z0-9+/_-]{8,}={0,2}`)
	hexed   = regexp.MustCompile(`(?:[0-9A-Fa-f]{2}){4,}`)
)

// canariesIn finds the person in an answer's body and headers: in clear, escaped for JSON or URLs, in base64, in hex.
func canariesIn(got answer) []string {
	text := string(got.raw)
	for name, values := range got.header {
		text += "\n" + name + ": " + strings.Join(values, ", ")
	}
	var found []string
	for depth := 0; depth < 2; depth++ {
		text = strings.NewReplacer(`\u0040`, "@", `\"`, `"`, `\/`, "/", "%40", "@", "%2B", "+", "%20", " ", "+", "+").Replace(text)
		lower := strings.ToLower(text)
		for _, mark := range canaryMarks {
			if strings.Contains(lower, mark) && !slices.Contains(found, mark) {
				found = append(found, mark)
			}
		}
		var inner strings.Builder
		for _, token := range encoded.FindAllString(text, -1) {
			token = strings.TrimRight(token, "=")
			for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
				if raw, err := e.DecodeString(token); err == nil {
					inner.Write(raw)
					inner.WriteByte('\n')
				}
			}
		}
		for _, token := range hexed.FindAllString(text, -1) {
			if raw, err := hex.DecodeString(token); err == nil {
				inner.Write(raw)
				inner.WriteByte('\n')
			}
		}
		text = inner.String()
	}
	return found
}
