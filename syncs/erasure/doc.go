// Package erasure makes people forgotten: suppressed at once, taken out of every destination, then erased from every
// table and file of ours, with a receipt per destination and a look at each place afterwards.
//
// An erasure is a row of transitions in `erasures`; nothing about it lives anywhere else, every step may be repeated,
// and a process may die between any two statements. What the people are called is in erasure_subjects until it is over,
// so that no statement names a value: the engine keeps the text of mutations. docs/privacy.md lists each place.
package erasure
