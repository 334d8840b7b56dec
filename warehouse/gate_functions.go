package warehouse

import (
	_ "embed"
	"strings"
)

// gateFunctionNames are the functions of ClickHouse 26.7 that users' SQL may
// call: those of system.functions that compute a value from their arguments
// and nothing else. Left out are functions that read files, dictionaries, other
// tables, settings, the session or the machine, that call out, that wait, that
// are not deterministic, and those of encryption, of models and of the
// engine's own use. A function that a later engine brings is refused until it
// is listed here.
//
//go:embed gate_functions.txt
var gateFunctionNames string

// gateFunctions holds the names in lower case; the engine itself tells apart
// what differs by case.
var gateFunctions = lowerSet(gateFunctionNames)

// gateTableFunctions may stand in FROM: they make rows out of nothing.
var gateTableFunctions = lowerSet("numbers numbers_mt zeros zeros_mt generate_series generateSeries values SQLStandardValues")

// functionTakers are the functions that take a function by its bare name as an
// argument (system.functions.higher_order): arrayMap(file, …) calls file.
var functionTakers = lowerSet(`arrayAll arrayAvg arrayBottomK arrayCompact arrayCount arrayCumSum arrayCumSumNonNegative
	arrayDifference arrayExists arrayFill arrayFilter arrayFirst arrayFirstIndex arrayFirstOrNull arrayFold arrayLast
	arrayLastIndex arrayLastOrNull arrayMap arrayMax arrayMin arrayPartialReverseSort arrayPartialSort arrayProduct
	arrayReverseFill arrayReverseSort arrayReverseSplit arraySort arraySplit arraySum arrayTopK mapAll mapApply mapExists
	mapFilter mapPartialReverseSort mapPartialSort mapReverseSort mapSort`)

// combinators may follow an aggregate function's name, any number of them.
var combinators = []string{"SimpleState", "MergeState", "OrDefault", "Distinct", "Resample", "ForEach", "ArgMax", "ArgMin",
	"OrNull", "Merge", "State", "Array", "Tuple", "Null", "Map", "If"}

func lowerSet(names string) map[string]bool {
	set := map[string]bool{}
	for _, name := range strings.Fields(names) {
		set[strings.ToLower(name)] = true
	}
	return set
}

// allowedFunction reports whether users' SQL may call the function.
func allowedFunction(name string) bool {
	if gateFunctions[strings.ToLower(name)] {
		return true
	}
	for _, c := range combinators {
		if base, cut := strings.CutSuffix(name, c); cut && base != "" && allowedFunction(base) {
			return true
		}
	}
	return false
}

func (g *gate) functionError(code, what, name string) *GateError {
	pos, found := g.position(name)
	if !found {
		pos = g.start()
		for _, t := range g.tokens {
			if word, named := t.Identifier(); named && strings.EqualFold(word, name) {
				pos = t.Pos
				break
			}
		}
	}
	return gateError(pos, code, what+name+" can't be used", functionHint(name))
}

// functionHint says what to do instead of a refused function.
func functionHint(name string) string {
	lower := strings.ToLower(name)
	switch {
	case strings.HasPrefix(lower, "dict"), strings.HasPrefix(lower, "joinget"), strings.HasPrefix(lower, "region"):
		return "join the table that holds the values instead"
	case strings.HasPrefix(lower, "current"), lower == "user", lower == "version", lower == "hostname", lower == "timezone":
		return "users' SQL answers the same wherever it runs"
	}
	return "see docs for the functions that users' SQL may call"
}
