package syncs

import (
	"context"
	"fmt"
	"sort"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/project"
)

// job is a run with everything that its project says about it.
type job struct {
	run       *Run
	def       *Definition
	project   *project.Project
	sync      *project.Sync
	dst       *connectors.Destination
	object    connectors.Object
	behaviour behaviour
	purposes  []string
}

// resolve finds the files behind a run and opens its destination.
func (e *Engine) resolve(ctx context.Context, r *Run) (*job, error) {
	def, err := e.definitionByID(ctx, r.SyncID)
	if err != nil {
		return nil, err
	}
	j := &job{run: r, def: def, project: e.o.Project()}
	if def.Status != statusActive {
		return nil, fmt.Errorf("sync %s is %s: its file went away or means another place now", def.Name, def.Status)
	}
	if j.sync = j.project.Sync(def.Name); j.sync == nil {
		return nil, fmt.Errorf("sync %s isn't in the current project", def.Name)
	}
	d := j.project.Destination(j.sync.Destination)
	if d == nil {
		return nil, fmt.Errorf("destination %s isn't in the current project", j.sync.Destination)
	}
	if j.dst, err = e.o.Connect(d); err != nil {
		return nil, fmt.Errorf("opening destination %s: %w", d.Name, err)
	}
	var found bool
	if j.object, found = j.dst.Connector().Object(j.sync.Object); !found {
		return nil, fmt.Errorf("connector %s has no object %q", d.Connector, j.sync.Object)
	}
	if r.Trigger == TriggerErasure {
		j.behaviour, err = erasureBehaviour(j.object)
	} else {
		j.behaviour, err = behaviourOf(j.sync.Mode, j.sync.OnExit.Kind, j.object)
	}
	if err != nil {
		return nil, err
	}
	for _, s := range j.behaviour.steps {
		if spec := j.object.Actions[s.action]; spec.Async {
			return nil, fmt.Errorf("action %s of %s answers later, by ticket, which syncs can't deliver yet", s.action, j.object.Name)
		}
	}
	j.purposes = j.project.Purposes(j.sync)
	return j, nil
}

// parksUnknown reports whether an unknown outcome may stay unresolved: then a
// key that has one isn't planned.
func (j *job) parksUnknown() bool {
	for _, s := range j.behaviour.steps {
		if j.object.Actions[s.action].Class != connectors.ClassA {
			return true
		}
	}
	return false
}

// head is the part that all batches of a step share.
func (j *job) head(s step) connectors.Batch {
	return connectors.Batch{Action: s.action, Object: j.sync.Object, Target: j.sync.Target, Sync: j.sync.Name, Erase: s.erase}
}

// matchNames are the mapped identifiers in byte order.
func (j *job) matchNames() []string {
	names := make([]string, 0, len(j.sync.Match))
	for name := range j.sync.Match {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// identifier is what the connector declares of one; a name that it leaves open
// is sent as it is.
func (j *job) identifier(name string) connectors.Identifier {
	for _, i := range j.object.Identifiers {
		if i.Name == name {
			return i
		}
	}
	return connectors.Identifier{Name: name, Form: connectors.Plain}
}

// foldSQL is the form of an ids text that two equal ones share.
func (j *job) foldSQL(ids string) string {
	for _, name := range j.matchNames() {
		if j.identifier(name).FoldCase {
			return "lowerUTF8(" + ids + ")"
		}
	}
	return ids
}
