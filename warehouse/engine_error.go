package warehouse

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

var (
	engineCode     = regexp.MustCompile(`Code:\s*(\d+)\.\s*`)
	engineCodeName = regexp.MustCompile(`\(([A-Z][A-Z0-9_]+)\)`)
)

// codeUnknownException is ClickHouse's UNKNOWN_EXCEPTION.
const codeUnknownException = 1002

// engineError makes the typed error of a server out of libchdb's error text,
// "Code: 60. DB::Exception: Unknown table … (UNKNOWN_TABLE)". Empty text is no
// error.
func engineError(text string) error {
	if text == "" {
		return nil
	}
	exception := &clickhouse.Exception{Code: codeUnknownException, Name: "DB::Exception", Message: strings.TrimSpace(text)}
	at := engineCode.FindStringSubmatchIndex(text)
	if at == nil {
		return exception
	}
	if code, err := strconv.ParseInt(text[at[2]:at[3]], 10, 32); err == nil && code > 0 {
		exception.Code = int32(code)
	}
	exception.Message = strings.TrimSpace(strings.TrimPrefix(text[at[1]:], "DB::Exception:"))
	if names := engineCodeName.FindAllStringSubmatch(exception.Message, -1); names != nil {
		exception.CodeName = names[len(names)-1][1]
	}
	return exception
}
