package lex

import "strings"

// Call is one use of a function's name, with its place.
type Call struct {
	Name string // as written, without quotes
	Pos  Pos
}

// notCalls are the words that an opening bracket may follow without being
// called.
var notCalls = wordSet(`ALL AND ANTI ANY ARRAY AS ASC ASOF BETWEEN BY CASE CROSS CUBE DESC DISTINCT ELSE END ESCAPE EXCEPT
	EXISTS FILL FILTER FINAL FIRST FOLLOWING FROM FULL GLOBAL GROUP HAVING ILIKE IN INNER INTERPOLATE INTERSECT INTERVAL
	IS JOIN LAST LIKE LIMIT NOT NULLS OFFSET ON OR ORDER OUTER OVER PARTITION PASTE PRECEDING PREWHERE QUALIFY RANGE
	RECURSIVE ROLLUP ROWS SAMPLE SELECT SEMI SETS SETTINGS STEP THEN TIES TO TOTALS UNION USING VALUES WHEN WHERE WINDOW WITH`)

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

// Functions finds the names that are called, table functions and aggregate
// functions included. A parameterized type behind :: or in a CAST looks like a
// call and is among them; the engine's own tree tells those apart.
func Functions(tokens []Token) []Call {
	tokens = Significant(tokens)
	var calls []Call
	for i := 0; i+1 < len(tokens); i++ {
		if !tokens[i+1].Is("(") {
			continue
		}
		name, named := tokens[i].Identifier()
		if !named || tokens[i].Kind == Word && notCalls[strings.ToUpper(name)] {
			continue
		}
		calls = append(calls, Call{Name: name, Pos: tokens[i].Pos})
	}
	return calls
}

// refusals maps the beginning of a function's name, in lower case, to why
// such a function can't be in a user's file. Files are run again, previewed
// and tested at a logical time: what they answer may hang on nothing else.
var refusals = []struct{ prefix, why string }{
	{"rand", "gives another answer at every call; take a hash of the key instead, such as cityHash64(profile_id)"},
	{"arrayshuffle", "gives another answer at every call"},
	{"arraypartialshuffle", "gives another answer at every call"},
	{"arrayrandomsample", "gives another answer at every call"},
	{"fuzz", "gives another answer at every call"},
	{"generateuuid", "gives another answer at every call; derive the id from the key instead"},
	{"generatesnowflakeid", "gives another answer at every call; derive the id from the key instead"},
	{"generateserialid", "gives another answer at every call; derive the id from the key instead"},
	{"generaterandom", "gives another answer at every call"},
	{"datetimetouuidv7", "gives another answer at every call"},
	{"sleep", "makes the warehouse wait"},
	{"obfuscatequery", "gives another answer at every call"},
	{"localtime", "gives another answer at every call; use now()"},
	{"uptime", "gives another answer at every call"},
	{"rownumberin", "gives an answer that hangs on how rows are read; use row_number() OVER (ORDER BY …)"},
	{"blocknumber", "gives an answer that hangs on how rows are read"},
	{"blocksize", "gives an answer that hangs on how rows are read"},
	{"blockserializedsize", "gives an answer that hangs on how rows are read"},
	{"runningdifference", "gives an answer that hangs on how rows are read; use lagInFrame(…) OVER (ORDER BY …)"},
	{"runningaccumulate", "gives an answer that hangs on how rows are read; use sum(…) OVER (ORDER BY …)"},
	{"neighbor", "gives an answer that hangs on how rows are read; use lagInFrame(…) OVER (ORDER BY …)"},
	{"initialquerystarttime", "gives another answer at every call"},
	{"initial_query_start_time", "gives another answer at every call"},
}

// Forbidden says why the function of that name can't be used in a user's SQL:
// it is not deterministic, or it waits. Calls that read the clock are not among
// them, since RewriteTime replaces those. The reason continues a sentence that
// begins with the function's name.
func Forbidden(function string) (why string, forbidden bool) {
	if ReadsClock(function) {
		return "", false
	}
	lower := strings.ToLower(function)
	for _, r := range refusals {
		if strings.HasPrefix(lower, r.prefix) {
			return r.why, true
		}
	}
	return "", false
}

// ForbiddenCalls finds the uses of forbidden functions.
func ForbiddenCalls(tokens []Token) []Call {
	var calls []Call
	for _, c := range Functions(tokens) {
		if _, forbidden := Forbidden(c.Name); forbidden {
			calls = append(calls, c)
		}
	}
	return calls
}
