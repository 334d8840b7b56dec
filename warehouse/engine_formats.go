package warehouse

import "strings"

// streamedFormats are the formats in which parts of a result can be joined,
// with the number of header lines that each part repeats. Other formats are
// made whole, in memory.
var streamedFormats = map[string]int{
	"Native": 0, "RowBinary": 0, "Null": 0,
	"JSONEachRow": 0, "JSONLines": 0, "NDJSON": 0, "JSONCompactEachRow": 0, "JSONStringsEachRow": 0,
	"JSONCompactEachRowWithNames": 1, "JSONCompactEachRowWithNamesAndTypes": 2,
	"CSV": 0, "CSVWithNames": 1, "CSVWithNamesAndTypes": 2,
	"TabSeparated": 0, "TSV": 0, "TabSeparatedRaw": 0, "TSVRaw": 0, "LineAsString": 0,
	"TabSeparatedWithNames": 1, "TSVWithNames": 1,
	"TabSeparatedWithNamesAndTypes": 2, "TSVWithNamesAndTypes": 2,
}

// header returns the first lines of a text in the format. In CSV a line break
// inside double quotes (a column's name) ends none.
func header(text []byte, format string, lines int) []byte {
	csv, quoted := strings.HasPrefix(format, "CSV"), false
	for i, c := range text {
		switch {
		case csv && c == '"':
			quoted = !quoted
		case c == '\n' && !quoted:
			if lines--; lines == 0 {
				return text[:i+1]
			}
		}
	}
	return text
}
