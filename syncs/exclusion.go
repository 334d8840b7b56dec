package syncs

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/tailrace/tailrace/project"
)

// The reasons for which an audience's own rules leave a row out.
const (
	OutExclusion = "exclusion"          // a member of an audience under exclude
	OutPriority  = "exclusion_priority" // a member of an audience of the group that outranks this one
	OutHoldout   = "holdout"            // held out by the audience's experiment
)

// excludePrefix marks, among input versions, the versions of audiences whose
// members are left out.
const excludePrefix = "exclude:"

// unpublishedExclusion names an audience whose members are to be left out and
// aren't known yet; "" if there is none. Nothing is sent until they are.
func unpublishedExclusion(inputs map[string]string) string {
	for name, version := range inputs {
		if audience, ok := strings.CutPrefix(name, excludePrefix); ok && version == "0" {
			return audience
		}
	}
	return ""
}

// exclusionSQL is the expression of the reason for which a row is left out by
// exclusions, priority or holdout; ” for none. It reads exactly the versions
// that inputs name, by key.
func (e *Engine) exclusionSQL(ctx context.Context, j *job, src *source, key string, inputs map[string]string) (string, error) {
	if name := unpublishedExclusion(inputs); name != "" {
		return "", fmt.Errorf("audience %s, whose members are left out, "+noVersion+": materialize it first", name)
	}
	var cases []string
	for _, x := range j.project.Exclusions(j.sync) {
		var table string
		err := e.db.Get(ctx, &table, "SELECT argMax(table_name, seq) FROM "+e.table("materialization_log")+
			" WHERE kind = 'audience' AND name = ? AND version = toUInt64(?)", x.Audience, inputs[excludePrefix+x.Audience])
		if err != nil {
			return "", fmt.Errorf("finding the members of audience %s, which are left out: %w", x.Audience, err)
		}
		text, reason, column, merges := key, OutExclusion, "key", ""
		if j.project.Audience(x.Audience).Header.Entity == "profile" {
			if src.personID == "" {
				return "", fmt.Errorf("audience %s can't be excluded: %s has no profile_id", x.Audience, src.view)
			}
			text = "toString(" + src.personID + ")"
			// A member whose profile was merged since that version is excluded under the profile they have now.
			column = "if(m.into_profile = toUUID('" + uuid.Nil.String() + "'), r.key, toString(m.into_profile))"
			merges = " AS r LEFT ANY JOIN (SELECT toString(from_profile) AS merged, into_profile FROM " + e.table("identity_merges") + " FINAL) AS m ON r.key = m.merged"
		}
		if x.ByPriority {
			reason = OutPriority
		}
		cases = append(cases, fmt.Sprintf("%s IN (SELECT %s FROM (SELECT key FROM %s WHERE version = %s)%s), '%s'",
			text, column, e.table(table), inputs[excludePrefix+x.Audience], merges, reason))
	}
	if f := sourceFile(j.project, j.sync); f != nil && f.Header.Experiment != nil {
		cases = append(cases, f.Header.Experiment.HeldOutSQL(key)+", '"+OutHoldout+"'")
	}
	if len(cases) == 0 {
		return "''", nil
	}
	return "multiIf(" + strings.Join(cases, ",\n        ") + ", '')", nil
}

// addExclusions adds what decides about a sync's exclusions to what its
// definition's hash is made of. Syncs without any keep the hash that they had.
func addExclusions(essence map[string]any, p *project.Project, s *project.Sync) {
	if x := p.Exclusions(s); len(x) > 0 {
		essence["exclusions"] = x
	}
	if f := sourceFile(p, s); f != nil && f.Header.Experiment != nil {
		essence["experiment"] = f.Header.Experiment
	}
}

// excluded reads the published versions of the audiences that a sync leaves
// out; "0" for one that has none.
func (r *readings) excluded(p *project.Project, s *project.Sync) error {
	for _, x := range p.Exclusions(s) {
		err := r.read(excludePrefix+x.Audience, []string{"materialization_log"}, "SELECT toString(max(version)) FROM "+r.table("materialization_log")+
			" WHERE kind = 'audience' AND name = ? AND state = 'published'", x.Audience)
		if err != nil {
			return err
		}
	}
	return nil
}
