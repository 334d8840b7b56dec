package syncs

import (
	"fmt"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/project"
)

// Op is an operation of the ledger.
type Op string

// The operations.
const (
	Add    Op = "add"
	Change Op = "change"
	Remove Op = "remove"
)

// step is one pass of a run over its rows: which action, for which operations,
// in which phase. Phase 0 is answered before phase 1 is sent.
type step struct {
	phase  uint8
	action connectors.Action
	ops    []Op
	exit   bool // an update with what on_exit sets
	old    bool // of changes, only those whose identifiers differ: the old ones go
	erase  bool // a deletion for good
}

// behaviour is what a mode means at an object: the one table from modes to
// actions (connectors.md §1.3).
type behaviour struct {
	list    bool // membership only: fields are not sent and not compared
	adds    bool
	changes bool
	removes bool
	steps   []step
}

// isList reports whether an object is a list: members come and go, but hold nothing.
func isList(o connectors.Object) bool {
	_, adds := o.Actions[connectors.AddToList]
	_, upserts := o.Actions[connectors.Upsert]
	return adds && !upserts
}

// behaviourOf reads the table.
func behaviourOf(mode project.Mode, exit project.ExitKind, o connectors.Object) (behaviour, error) {
	b, err := modeTable(mode, exit, o)
	if err != nil {
		return b, err
	}
	for _, s := range b.steps {
		if _, ok := o.Actions[s.action]; !ok {
			return b, fmt.Errorf("mode %s needs the action %s, which %s doesn't have", mode, s.action, o.Name)
		}
	}
	return b, nil
}

func modeTable(mode project.Mode, exit project.ExitKind, o connectors.Object) (behaviour, error) {
	write := func(a connectors.Action) step { return step{phase: 1, action: a, ops: []Op{Change, Add}} }
	members := behaviour{list: true, adds: true, changes: true, removes: true, steps: []step{
		{phase: 0, action: connectors.RemoveFromList, ops: []Op{Remove, Change}, old: true},
		{phase: 1, action: connectors.AddToList, ops: []Op{Change, Add}},
	}}
	switch mode {
	case project.ModeUpsert:
		return behaviour{adds: true, changes: true, steps: []step{write(connectors.Upsert)}}, nil
	case project.ModeUpdate:
		return behaviour{adds: true, changes: true, steps: []step{write(connectors.Update)}}, nil
	case project.ModeInsert:
		return behaviour{adds: true, steps: []step{{phase: 1, action: connectors.Create, ops: []Op{Add}}}}, nil
	case project.ModeAdd:
		return behaviour{list: true, adds: true, steps: []step{{phase: 1, action: connectors.AddToList, ops: []Op{Add}}}}, nil
	case project.ModeRemove:
		return behaviour{list: true, adds: true, steps: []step{{phase: 1, action: connectors.RemoveFromList, ops: []Op{Add}}}}, nil
	case project.ModeAppend:
		return behaviour{adds: true, steps: []step{{phase: 1, action: connectors.Append, ops: []Op{Add}}}}, nil
	case project.ModeAudience:
		return members, nil
	case project.ModeMirror:
		if isList(o) {
			if exit == project.ExitNothing {
				members.removes = false
			}
			return members, nil
		}
		b := behaviour{adds: true, changes: true, steps: []step{write(connectors.Upsert)}}
		switch exit {
		case project.ExitNothing:
		case project.ExitDelete, project.ExitRemove:
			b.removes = true
			b.steps = append([]step{{phase: 0, action: connectors.Delete, ops: []Op{Remove}}}, b.steps...)
		case project.ExitSet:
			b.removes = true
			b.steps = append([]step{{phase: 0, action: connectors.Update, ops: []Op{Remove}, exit: true}}, b.steps...)
		default:
			return b, fmt.Errorf("mode mirror on %s needs on_exit: delete, { set: … } or nothing", o.Name)
		}
		return b, nil
	}
	return behaviour{}, fmt.Errorf("mode %q is not one that syncs can deliver yet", mode)
}

// planned reports whether the mode plans an operation.
func (b behaviour) planned(op Op) bool {
	switch op {
	case Add:
		return b.adds
	case Change:
		return b.changes
	case Remove:
		return b.removes
	}
	return false
}

// takes reports whether a step sends a row.
func (s step) takes(op Op, moved bool, idsBefore, idsAfter string) bool {
	covered := false
	for _, o := range s.ops {
		covered = covered || o == op
	}
	if !covered {
		return false
	}
	switch {
	case op == Remove:
		return !moved
	case op == Change && s.old:
		return !moved && idsBefore != idsAfter
	}
	return true
}
