package project

import "slices"

// checkRenames holds renamed_from against names that are still there.
func (l *loader) checkRenames() {
	check := func(o *Origin, kind Kind, from string, exists bool, used map[string]string) {
		if from == "" {
			return
		}
		at := o.Positions.At("renamed_from")
		if exists {
			l.fail(CodeRename, o.Path, at, "", "%s still exists: %s can't have been renamed from it", from, o.Name)
		}
		if other, ok := used[from]; ok {
			l.fail(CodeRename, o.Path, at, "", "%s was also renamed from the %s %s", other, kind, from)
		}
		used[from] = o.Path
	}
	for _, kind := range []struct {
		kind  Kind
		files []*SQLFile
	}{{KindModel, l.p.Models}, {KindTrait, l.p.Traits}, {KindAudience, l.p.Audiences}} {
		used := map[string]string{}
		for _, f := range kind.files {
			check(&f.Origin, kind.kind, f.Header.RenamedFrom, find(kind.files, f.Header.RenamedFrom) != nil, used)
		}
	}
	used := map[string]string{}
	for _, d := range l.p.Destinations {
		check(&d.Origin, KindDestination, d.RenamedFrom, l.p.Destination(d.RenamedFrom) != nil, used)
	}
	used = map[string]string{}
	for _, s := range l.p.Syncs {
		check(&s.Origin, KindSync, s.RenamedFrom, l.p.Sync(s.RenamedFrom) != nil, used)
	}
}

// SuggestRenames looks for files that are new in p, look like one that p no
// longer has but before had, and don't say so: without renamed_from the one
// would be drained and the other start from nothing. It returns warnings.
func (p *Project) SuggestRenames(before *Project) Diagnostics {
	l := &loader{p: p}
	suggestRenames(l, before.Models, p.Models, (*SQLFile).RowFingerprint, func(f *SQLFile) string { return f.Header.RenamedFrom })
	suggestRenames(l, before.Traits, p.Traits, (*SQLFile).RowFingerprint, func(f *SQLFile) string { return f.Header.RenamedFrom })
	suggestRenames(l, before.Audiences, p.Audiences, (*SQLFile).RowFingerprint, func(f *SQLFile) string { return f.Header.RenamedFrom })
	suggestRenames(l, before.Syncs, p.Syncs, (*Sync).RowFingerprint, func(s *Sync) string { return s.RenamedFrom })
	l.out.Sort()
	return l.out
}

func suggestRenames[T named](l *loader, before, now []T, print func(T) string, renamedFrom func(T) string) {
	gone := map[string]string{}
	had := map[string]bool{}
	for _, d := range before {
		had[d.origin().Name] = true
		if !slices.Contains(names(now), d.origin().Name) {
			gone[print(d)] = d.origin().Name
		}
	}
	for _, d := range now {
		old, same := gone[print(d)]
		if same && !had[d.origin().Name] && renamedFrom(d) == "" {
			l.warn(CodeRename, d.origin().Path, Position{1, 1}, "if it was renamed, write renamed_from: "+old,
				"%s looks like %s, which is gone", d.origin().Name, old)
		}
	}
}
