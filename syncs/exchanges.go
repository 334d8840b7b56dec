package syncs

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/tailrace/tailrace/connectors"
)

var exchangeColumns = []string{"sync_id", "run_no", "plan_id", "batch_no", "part", "attempt", "first_row", "last_row", "method", "path",
	"request_headers", "request_body", "status", "response_headers", "response_body", "error", "duration_ms", "standin", "at"}

// keepExchanges remembers what went over the wire, for people. The connector
// has hidden secrets and capped bodies.
func (d *delivery) keepExchanges(b *loadedBatch, a *attempt, p *piece, answer connectors.Outcome) {
	first, last := p.changes[0].rowNo, p.changes[len(p.changes)-1].rowNo
	d.mu.Lock()
	for _, x := range answer.Exchanges {
		d.exchanges = append(d.exchanges, []any{d.run.SyncID, d.run.No, d.run.PlanID, b.no, a.part, a.number, first, last,
			x.Method, pathOf(x.URL), flat(x.Header), string(x.Body), uint16(x.Status), flat(x.AnswerHeader), string(x.Answer), x.Error,
			uint32(x.Took.Milliseconds()), answer.Standin || x.Standin != "", x.Started.UTC()})
	}
	full := len(d.exchanges) >= 100
	d.mu.Unlock()
	if full {
		d.writeExchanges(context.Background())
	}
}

// writeExchanges appends them. They are no part of the protocol: losing some is
// logged, not retried.
func (d *delivery) writeExchanges(ctx context.Context) {
	d.mu.Lock()
	rows := d.exchanges
	d.exchanges = nil
	d.mu.Unlock()
	if len(rows) == 0 {
		return
	}
	if err := d.insert(ctx, "sync_exchanges", exchangeColumns, rows, "exchanges:"+contentHash(rows)); err != nil {
		d.o.Log.Warn("exchanges weren't recorded", "run", d.run.ID, "error", err)
	}
}

func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.RequestURI()
}

func flat(h http.Header) map[string]string {
	out := make(map[string]string, len(h))
	for k, v := range h {
		out[k] = strings.Join(v, ", ")
	}
	return out
}
