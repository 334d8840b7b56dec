package connectors

import "time"

// Class is what an action promises when a request's fate is unknown
// (sync-protocol, "What a destination can promise"). The zero value is
// undeclared and refused by the conformance kit.
type Class uint8

// The four classes.
const (
	ClassUndeclared Class = iota
	ClassA                // set: applying twice equals once
	ClassB                // keyed: the vendor remembers our key for Spec.Window
	ClassC                // lookup: it can be asked whether our reference arrived
	ClassD                // fire once: neither
)

// String gives the letter used in the ledger and the documentation.
func (c Class) String() string {
	switch c {
	case ClassA:
		return "A"
	case ClassB:
		return "B"
	case ClassC:
		return "C"
	case ClassD:
		return "D"
	}
	return "undeclared"
}

// Recourse is what may be done about a batch whose fate is unknown.
type Recourse uint8

// The recourses. The zero value is the careful one.
const (
	Park        Recourse = iota // never sent again by itself; a person decides
	SendAgain                   // class A: the same batch again
	SendSameKey                 // class B: the same batch with the same key
	LookUp                      // class C: ask, then send or record
)

// String names the recourse.
func (r Recourse) String() string {
	return [...]string{"park", "send_again", "send_same_key", "look_up"}[r]
}

// WhenUnknown says what may be done about a batch of this action whose outcome
// is unknown and whose first attempt is age old. A key counts for half its
// documented window only, since the vendor's clock started at an instant that
// we don't know (connectors.md §1.4).
func (s Spec) WhenUnknown(age time.Duration) Recourse {
	switch s.Class {
	case ClassA:
		return SendAgain
	case ClassB:
		if age < s.Window/2 {
			return SendSameKey
		}
		return Park
	case ClassC:
		return LookUp
	}
	return Park
}
