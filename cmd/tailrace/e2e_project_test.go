package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/api"
)

const everybody = `/* audience
description: Everybody
schedule: manual
*/
SELECT profile_id, any(user_id) AS customer FROM events GROUP BY profile_id
`

// TestChangedFiles edits the project under a running server: a good change comes into force by itself, a broken one
// leaves the last good project in force and is named where people look.
func TestChangedFiles(t *testing.T) {
	t.Parallel()
	p := setup(t, bare)
	p.start()
	project := func() api.ProjectView { return call[api.ProjectView](p, http.MethodGet, "/api/v1/project", nil) }
	require.Empty(t, project().Audiences)

	p.write("audiences/everybody.sql", everybody)
	p.eventually("the new audience is in force", func() bool { return len(project().Audiences) == 1 })
	good := project()
	require.NotNil(t, good.LastReload)
	require.True(t, good.LastReload.Published)

	p.write("audiences/everybody.sql", "/* audience\ndescription: x\nscedule: manual\n*/\nSELECT nosuch FROM nowhere\n")
	p.eventually("the mistake is told", func() bool { return !project().LastReload.Published })
	broken := project()
	require.Equal(t, good.Hash, broken.Hash, "the last good project stays in force")
	require.Len(t, broken.Audiences, 1)
	found := broken.LastReload.Diagnostics.Errors()
	require.NotEmpty(t, found)
	require.Equal(t, "audiences/everybody.sql", found[0].Path)
	require.Equal(t, 3, found[0].Line)
	ready := p.readiness()
	require.True(t, ready.Ready, "a broken file stops nothing")
	require.Len(t, ready.Warnings, 1)
	require.Contains(t, ready.Warnings[0], "tailrace validate")
	status, err := p.post([]map[string]any{trackEvent("m1", "u1", "Ping", nil)})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	p.loaded()
	require.Equal(t, []map[string]any{{"n": float64(1)}}, queryRows[map[string]any](p, "SELECT toUInt32(count()) AS n FROM events"))

	// A restart with broken files goes on with the last good project too.
	p.kill()
	p.start()
	require.Equal(t, good.Hash, project().Hash)

	require.NoError(t, os.Remove(filepath.Join(p.project, "audiences", "everybody.sql")))
	p.write("audiences/all.sql", everybody)
	result := call[api.ReloadResult](p, http.MethodPost, "/api/v1/project/reload", nil)
	require.True(t, result.Published, "%v", result.Diagnostics)
	require.NotEqual(t, good.Hash, result.Hash)
	require.Equal(t, "all", project().Audiences[0].Name)
	require.Empty(t, p.readiness().Warnings)
}

func (p *process) readiness() api.Readiness {
	p.t.Helper()
	res, err := p.http.Get("http://" + p.addr + "/readyz")
	require.NoError(p.t, err)
	defer res.Body.Close()
	var out api.Readiness
	require.NoError(p.t, json.NewDecoder(res.Body).Decode(&out))
	return out
}

// TestUnreachableAndExpired sends to a vendor that is away, and to one that refuses the credential: the run says so,
// in the API and on the command line, nothing counts as sent, and the other sync goes on.
func TestUnreachableAndExpired(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 20, 0)
	w.materialize()
	w.env = append(w.env, "E2E_CRM_TOKEN=expired", "E2E_MAILER=http://"+closedPort(t)+"/mailer")
	_, err := w.terminate()
	require.NoError(t, err)
	vendors := worldFiles("127.0.0.1")["tailrace.yml"]
	w.write("tailrace.yml", vendors)
	w.start()
	for _, c := range []struct{ sync, words string }{{"to_crm", "401"}, {"to_mailer", "refused"}} {
		r := w.startRun(c.sync)
		told := func() string { return r.Reason + r.Error + r.Waiting }
		w.eventually(c.sync+" says what is wrong", func() bool {
			r = w.run(r.ID)
			return strings.Contains(told(), c.words)
		})
		t.Logf("%s is %s: %s", c.sync, r.State, told())
		require.Zero(t, r.Sums.Accepted)
		require.NoError(t, r.Sums.Check())
		out, errs, code := w.tailrace("runs", "show", r.ID)
		require.Zero(t, code, errs)
		require.Contains(t, out, c.words)
		require.NotContains(t, out, "expired", "a credential was printed")
	}
	require.Empty(t, w.crm.State().Contacts)
	require.Zero(t, w.held())
}
