package connectors

// Action is what a vendor can do with a row. Modes (mirror, audience, …) are
// what a user wants; the table from modes to actions lives in package syncs.
type Action string

// The seven actions.
const (
	Create         Action = "create"
	Update         Action = "update"
	Upsert         Action = "upsert"
	Delete         Action = "delete"
	AddToList      Action = "add_to_list"
	RemoveFromList Action = "remove_from_list"
	Append         Action = "append"
)

// Actions lists all actions in a fixed order.
var Actions = []Action{Create, Update, Upsert, Delete, AddToList, RemoveFromList, Append}

// Known reports whether a is one of the seven actions.
func (a Action) Known() bool {
	for _, k := range Actions {
		if a == k {
			return true
		}
	}
	return false
}

// Removes reports whether the action takes something out of the destination,
// so that it addresses rows by what was sent before (Row.Sent), not by what
// the profile holds now.
func (a Action) Removes() bool { return a == Delete || a == RemoveFromList }
