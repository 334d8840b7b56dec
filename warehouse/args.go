package warehouse

import (
	"context"
	"fmt"
	"maps"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// P gives values to the named parameters {name:Type} of a statement.
type P map[string]any

// Settings are ClickHouse settings of one statement; bools become 0 and 1.
type Settings map[string]any

// QueryID names a statement, so that Kill finds it.
type QueryID string

// statementCall is a statement with its arguments sorted out.
type statementCall struct {
	sql      string
	params   map[string]string
	settings clickhouse.Settings
	queryID  string
	lane     Lane
}

// newCall sorts the arguments: P, Settings, QueryID and Lane by their types,
// all others are values for the statement's `?`, in order.
func newCall(sql string, args []any) (*statementCall, error) {
	c := &statementCall{sql: sql, settings: clickhouse.Settings{}}
	var positional []any
	named := P{}
	for _, arg := range args {
		switch v := arg.(type) {
		case P:
			maps.Copy(named, v)
		case Settings:
			if err := c.set(v); err != nil {
				return nil, err
			}
		case QueryID:
			c.queryID = string(v)
		case Lane:
			c.lane = v
		default:
			positional = append(positional, arg)
		}
	}
	return c, c.bind(positional, named)
}

func (c *statementCall) set(settings Settings) error {
	for name, value := range settings {
		if !settingName.MatchString(name) {
			return fmt.Errorf("%q is no name of a setting", name)
		}
		switch v := value.(type) {
		case bool:
			c.settings[name] = map[bool]string{true: "1", false: "0"}[v]
		default:
			c.settings[name] = fmt.Sprint(value)
		}
	}
	return nil
}

// context carries the call's settings, parameters and query id to the driver.
func (c *statementCall) context(ctx context.Context) context.Context {
	options := []clickhouse.QueryOption{clickhouse.WithSettings(c.settings)}
	if len(c.params) > 0 {
		options = append(options, clickhouse.WithParameters(c.params))
	}
	if c.queryID != "" {
		options = append(options, clickhouse.WithQueryID(c.queryID))
	}
	if _, limited := c.settings["max_execution_time"]; limited {
		ctx = withoutDeadline{ctx} // or the driver puts the deadline in the limit's place
	}
	return clickhouse.Context(ctx, options...)
}
