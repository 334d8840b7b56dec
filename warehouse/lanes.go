package warehouse

// Lane is a pool of connections. Lanes are apart so that one kind of work can't
// starve another: a flood of slow user queries leaves the ledger writable. A
// Lane is passed among the arguments of a statement; LaneLedger is the default.
type Lane int

const (
	LaneLedger Lane = iota // the product's own statements
	LaneIngest             // loading events
	LaneUser               // users' SQL
	laneAdmin              // migrations and KILL: no default database
	laneCount
)

var laneSizes = [laneCount]int{LaneLedger: 10, LaneIngest: 4, LaneUser: 4, laneAdmin: 2}
