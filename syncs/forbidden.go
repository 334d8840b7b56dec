package syncs

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/tailrace/tailrace/warehouse"
)

// forbidden are the keys of a lot whose people may not be sent any more: consent
// and suppression as they are now, not as the snapshot saw them. Where neither
// changed since, nobody is.
func (e *Engine) forbidden(ctx context.Context, at look, j *job, r *Run, batches []batch) (map[string]bool, error) {
	if r.Trigger == TriggerErasure {
		return nil, nil // it only takes out
	}
	now := e.readings(ctx, at)
	if err := now.permissions(j.purposes); err != nil {
		return nil, err
	}
	same := true
	for name, version := range now.out {
		same = same && r.InputVersions[name] == version
	}
	if same {
		return nil, nil
	}
	params := warehouse.P{"sync_id": r.SyncID, "run_no": r.No, "plan_id": r.PlanID, "first": batches[0].firstRow, "last": batches[len(batches)-1].lastRow}
	var err error
	var src *source
	person, join := "", ""
	var named []named
	if j.sync.Forwards() {
		var more warehouse.P
		if src, join, person, more, err = e.appendPerson(j, r); err != nil {
			return nil, err
		}
		maps.Copy(params, more)
		if join != "" {
			named = ownIdentifiers("v")
		}
	} else if src, err = e.source(ctx, j); err != nil {
		return nil, err
	}
	switch {
	case j.sync.Forwards():
	case src.personID == "":
	case strings.Contains(src.personID, "s."+warehouse.QuoteIdentifier(src.key)):
		person = "toUUIDOrZero(s.key)"
	default: // a model that names its people beside its key
		person = "v.person"
		join = fmt.Sprintf("LEFT ANY JOIN (SELECT toString(s.%s) AS key, %s AS person FROM %s.%s AS s) AS v ON v.key = s.key\n",
			warehouse.QuoteIdentifier(src.key), src.personID, warehouse.QuoteIdentifier(e.db.ProjectDatabase()), warehouse.QuoteIdentifier(src.view))
	}
	for _, name := range j.matchNames() {
		n, err := j.asSent(name, "JSONExtractString(s.ids, "+quote(name)+")")
		if err != nil {
			return nil, fmt.Errorf("mapping match.%s: %w", name, err)
		}
		named = append(named, n)
	}
	may := e.permission(j.purposes, person, named)
	var keys []string
	err = e.db.Select(ctx, &keys, e.statement("forbidden", map[string]string{
		"joins": join + may.joins, "suppressed": may.suppressed, "denied": may.denied, "unknown": may.unknown,
	}), params)
	if err != nil {
		return nil, fmt.Errorf("checking consent before sending: %w", err)
	}
	out := make(map[string]bool, len(keys))
	for _, k := range keys {
		out[k] = true
	}
	return out, nil
}
