package syncs

import (
	"fmt"
	"slices"
)

// State is a run's state, the word that the ledger holds.
type State string

// The states of a run.
const (
	Queued     State = "queued"
	Planning   State = "planning"
	Planned    State = "planned"
	Held       State = "held"
	Delivering State = "delivering"
	Finishing  State = "finishing"
	Succeeded  State = "succeeded"
	Partial    State = "partial"
	Failed     State = "failed"
	Cancelled  State = "cancelled"
	Discarded  State = "discarded"
)

// transitions is the whole state machine; nothing else sets a state.
// planning → planning is a plan made anew after a crash.
var transitions = map[State][]State{
	Queued:     {Planning, Failed, Cancelled, Discarded},
	Planning:   {Planning, Planned, Failed, Cancelled, Discarded},
	Planned:    {Held, Delivering, Finishing, Failed, Cancelled, Discarded},
	Held:       {Delivering, Cancelled, Discarded},
	Delivering: {Finishing},
	Finishing:  {Succeeded, Partial, Failed, Cancelled},
}

// CanBecome reports whether a run may go from s to next.
func (s State) CanBecome(next State) bool { return slices.Contains(transitions[s], next) }

// Over reports whether a run in this state is over. A planned dry run is over
// too; only the run itself knows that it is one.
func (s State) Over() bool {
	_, goesOn := transitions[s]
	return !goesOn
}

// Sends reports whether a run in this state may send.
func (s State) Sends() bool { return s == Delivering }

// TransitionError is a step that the state machine doesn't have.
type TransitionError struct{ From, To State }

// Error names both states.
func (e *TransitionError) Error() string {
	return fmt.Sprintf("a run that is %s can't become %s", e.From, e.To)
}

// Scan reads the ledger's word.
func (s *State) Scan(v any) error {
	switch text := v.(type) {
	case string:
		*s = State(text)
	case []byte:
		*s = State(text)
	default:
		return fmt.Errorf("reading a run's state: %T is no text", v)
	}
	return nil
}

// Superseded is the reason of a run that was discarded for a newer plan.
const Superseded = "superseded"
