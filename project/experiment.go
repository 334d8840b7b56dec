package project

import (
	"slices"
	"strconv"
)

// HoldoutColumn says of each member of an audience with an experiment whether
// it is held out.
const HoldoutColumn = "in_holdout"

// Experiment keeps a part of an audience's members out of every sync, so that
// what syncs cause can be measured against them.
type Experiment struct {
	// Holdout is the share of members that no sync sends; raising it holds out more and lets nobody go.
	Holdout Percent `yaml:"holdout" json:"holdout" validate:"required"`
	// Salt decides, together with the key, who is held out: another salt is another draw.
	Salt string `yaml:"salt" json:"salt" validate:"required"`
}

// HeldOutSQL is the condition that a member is held out. key is the SQL of its
// key as text, never NULL. A member's place between 0 and 2^32 is the first four
// bytes, big-endian, of SHA-256 over `salt:key`; whoever is below the share of
// 2^32 is held out. So it never changes for a salt and a key, two salts draw
// independently, and a smaller share is a part of a larger one.
func (e *Experiment) HeldOutSQL(key string) string {
	const places = 1 << 32
	below := strconv.FormatFloat(e.Holdout.Of(places), 'f', -1, 64)
	return "reinterpretAsUInt32(reverse(substring(SHA256(concat('" + e.Salt + ":', " + key + ")), 1, 4))) < " + below
}

// checkExperiment sees that an experiment holds out a part, by a salt that SQL
// can hold.
func (l *loader) checkExperiment(f *SQLFile) {
	e := f.Header.Experiment
	if e == nil || f.Kind != KindAudience {
		return
	}
	if e.Holdout <= 0 || e.Holdout >= 100 {
		l.fail(CodeExperiment, f.Path, f.Positions.At("experiment", "holdout"), "take experiment out to hold out nobody",
			"a holdout is more than 0%% and less than 100%%, not %s", e.Holdout)
	}
	if e.Salt != "" {
		l.checkWord(CodeExperiment, f.Path, f.Positions.At("experiment", "salt"), "salt", e.Salt)
	}
	taken := slices.IndexFunc(f.Columns, func(c SelectedColumn) bool { return c.Name == HoldoutColumn })
	if taken >= 0 {
		l.fail(CodeExperiment, f.Path, f.Columns[taken].Position, "give it another name with AS",
			"%s is the column that experiment adds", HoldoutColumn)
	}
}
