package project

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// lifecycle is a group of three audiences; s sends the second and excludes a fourth.
var lifecycle = map[string]string{
	"tailrace.yml":             "",
	"audiences/vip.sql":        "/* audience\npriority: { group: lifecycle, rank: 1 }\n*/\nSELECT profile_id FROM profiles",
	"audiences/active.sql":     "/* audience\npriority: { group: lifecycle, rank: 5 }\npurpose: [marketing]\n*/\nSELECT profile_id FROM profiles",
	"audiences/lapsed.sql":     "/* audience\npriority: { group: lifecycle, rank: 9 }\n*/\nSELECT profile_id FROM profiles",
	"audiences/blocked.sql":    "/* audience\npurpose: [support]\n*/\nSELECT profile_id FROM profiles",
	"destinations/hubspot.yml": "connector: hubspot\n",
	"syncs/s.yml":              "audience: active\ndestination: hubspot\nobject: contacts\nmode: upsert\nmatch: { email: profile.email }\nexclude: [blocked]\n",
}

func TestExclusionsAreLineageButNoPurpose(t *testing.T) {
	t.Parallel()
	p, out := Load(writeProject(t, lifecycle), testEnv)
	require.Empty(t, out)
	s := p.Sync("s")
	require.Equal(t, []Exclusion{{Audience: "blocked"}, {Audience: "vip", ByPriority: true}}, p.Exclusions(s))
	require.Equal(t, []string{"vip", "active"}, p.Outranking("lapsed"))
	require.Empty(t, p.Outranking("vip"))
	require.Equal(t, []string{"marketing"}, p.Purposes(s), "nothing of whom it leaves out is sent")

	reads := p.Graph().Upstream(Node{KindSync, "s"})
	require.Contains(t, reads, Node{KindAudience, "blocked"})
	require.Contains(t, reads, Node{KindAudience, "vip"})
	require.NotContains(t, reads, Node{KindAudience, "lapsed"})
	selected, err := p.Select([]string{"+s"}, nil)
	require.NoError(t, err)
	require.Contains(t, selected, Node{KindAudience, "blocked"})

	require.Equal(t, []Node{{KindAudience, "blocked"}, {KindAudience, "vip"}}, p.SettleFirst(Node{KindAudience, "active"}))
	require.Empty(t, p.SettleFirst(Node{KindAudience, "vip"}))
}

func TestAudiencesNeverWaitForEachOther(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for name, text := range lifecycle {
		files[name] = text
	}
	// Each excludes the other, and the winner reads who loses against it.
	files["syncs/back.yml"] = "audience: blocked\ndestination: hubspot\nobject: contacts\nmode: upsert\nmatch: { email: profile.email }\nexclude: [active]\n"
	files["audiences/vip.sql"] = "/* audience\npriority: { group: lifecycle, rank: 1 }\n*/\nSELECT profile_id FROM active"
	p, out := Load(writeProject(t, files), testEnv)
	require.Empty(t, out)
	require.Empty(t, p.SettleFirst(Node{KindAudience, "active"}))
	require.Empty(t, p.SettleFirst(Node{KindAudience, "blocked"}))
}

func TestFingerprintsSeeExperimentAndExclusions(t *testing.T) {
	t.Parallel()
	plain := &SQLFile{Kind: KindAudience, SQL: "SELECT 1"}
	raw, err := json.Marshal(Experiment{Holdout: 12.5, Salt: "spring"})
	require.NoError(t, err)
	require.JSONEq(t, `{"holdout":"12.5%","salt":"spring"}`, string(raw))
	var read Experiment
	require.NoError(t, json.Unmarshal(raw, &read), "clients read what the API writes")
	require.Equal(t, Experiment{Holdout: 12.5, Salt: "spring"}, read)
	require.Error(t, json.Unmarshal([]byte(`{"holdout":"a lot"}`), &read))
	before, meta := plain.RowFingerprint(), plain.MetaFingerprint()
	plain.Header.Experiment = &Experiment{Holdout: 10, Salt: "spring"}
	require.NotEqual(t, before, plain.RowFingerprint())
	require.Equal(t, meta, plain.MetaFingerprint())
	s := &Sync{Audience: "a"}
	sync := s.RowFingerprint()
	s.Exclude = []string{"b"}
	require.NotEqual(t, sync, s.RowFingerprint())
}
