package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/tailrace/tailrace/warehouse"
)

// Erased is what an erasure leaves of object and detail.
const Erased = "(erased)"

// Finding is one thing that can't have come about by writing.
type Finding struct {
	Writer string    `json:"writer" doc:"The chain; empty: rows from before there were chains"`
	Seq    uint64    `json:"seq" doc:"Its row"`
	ID     string    `json:"id,omitempty" doc:"The entry"`
	At     time.Time `json:"at,omitzero"`
	What   string    `json:"what"`
}

// Report is what a look through all chains found.
type Report struct {
	Rows      uint64    `json:"rows"`
	Chains    uint64    `json:"chains"`
	Erased    uint64    `json:"erased" doc:"Rows whose object and detail were erased with a person"`
	Unchained uint64    `json:"unchained" doc:"Rows from before there were chains: only their number and sum are checked"`
	Findings  []Finding `json:"findings" doc:"None: nothing was changed, deleted or inserted. At most 100"`
	Head      string    `json:"head" doc:"Hash over the ends of all chains now: kept elsewhere, it shows what was written by then"`
}

const mostFindings = 100

func (r *Report) add(writer string, seq uint64, id string, at time.Time, what string) {
	if len(r.Findings) < mostFindings {
		r.Findings = append(r.Findings, Finding{writer, seq, id, at, what})
	}
}

// Verify goes through every chain. Memory grows with the number of chains, not of rows.
func (l *Log) Verify(ctx context.Context) (Report, error) {
	out := Report{Findings: []Finding{}}
	heads, err := l.heads(ctx)
	if err != nil {
		return out, err
	}
	rows, err := l.db.Query(ctx, "SELECT id, at, actor, toString(a.role) AS role, toString(a.action) AS action, object, detail, remote_ip, writer, seq, nonce, content, hash FROM "+
		l.table("audit_log")+" AS a WHERE writer != '' ORDER BY writer, seq, id")
	if err != nil {
		return out, fmt.Errorf("reading the audit log: %w", err)
	}
	defer rows.Close()
	last := row{}
	ended := map[string]bool{}
	for rows.Next() {
		var r row
		if err := rows.ScanStruct(&r); err != nil {
			return out, fmt.Errorf("reading the audit log: %w", err)
		}
		out.Rows++
		if r.Writer != last.Writer {
			l.end(&out, last, heads)
			ended[r.Writer] = true
			last = row{Writer: r.Writer}
			out.Chains++
		}
		l.link(&out, last, r)
		if head, ok := heads[r.Writer]; ok && head.Seq == r.Seq && head.Hash != r.Hash {
			out.add(r.Writer, r.Seq, r.ID.String(), r.At, "isn't the row that was written")
		}
		last = r
	}
	if err := rows.Err(); err != nil {
		return out, fmt.Errorf("reading the audit log: %w", err)
	}
	l.end(&out, last, heads)
	for writer, head := range heads {
		if writer != "" && !ended[writer] {
			out.add(writer, head.Seq, "", time.Time{}, "the whole chain is missing")
		}
	}
	if err := l.before(ctx, &out, heads); err != nil {
		return out, err
	}
	return out, l.blanked(ctx, &out)
}

// link holds a row against the one before it in its chain.
func (l *Log) link(out *Report, last, r row) {
	switch {
	case r.Seq <= last.Seq:
		out.add(r.Writer, r.Seq, r.ID.String(), r.At, "was inserted: the chain has another row in its place")
	case r.Seq != last.Seq+1:
		out.add(r.Writer, last.Seq+1, "", r.At, "rows before this one are missing")
	case r.Hash != r.chain(last.Hash):
		out.add(r.Writer, r.Seq, r.ID.String(), r.At, "was changed")
	case r.Nonce == "" && r.Object == Erased && r.Detail == Erased:
		out.Erased++
	case r.Content != r.content():
		out.add(r.Writer, r.Seq, r.ID.String(), r.At, "its object or detail was changed")
	}
}

// end sees that no rows were cut off a chain.
func (l *Log) end(out *Report, last row, heads map[string]row) {
	head, ok := heads[last.Writer]
	if ok && last.Seq < head.Seq {
		out.add(last.Writer, last.Seq+1, "", last.At, "rows behind this one are missing")
	}
}

func (l *Log) heads(ctx context.Context) (map[string]row, error) {
	var list []row
	if err := l.db.Select(ctx, &list, "SELECT writer, max(h.seq) AS seq, argMax(h.hash, h.seq) AS hash FROM "+l.table("audit_heads")+" AS h GROUP BY writer ORDER BY writer"); err != nil {
		return nil, fmt.Errorf("reading how far the audit log's chains have come: %w", err)
	}
	out := map[string]row{}
	for _, h := range list {
		out[h.Writer] = h
	}
	return out, nil
}

// before checks the rows from before there were chains, by number and sum.
func (l *Log) before(ctx context.Context, out *Report, heads map[string]row) error {
	var now struct {
		Rows uint64 `ch:"rows"`
		Hash string `ch:"hash"`
		Head string `ch:"head"`
	}
	err := l.db.Get(ctx, &now, "SELECT count() AS rows, toString(sum(sipHash64(id, at, actor, toString(role), toString(action), remote_ip))) AS hash,"+
		" (SELECT lower(hex(SHA256(arrayStringConcat(arraySort(groupArray(concat(h.writer, ':', toString(h.seq), ':', h.hash))), ' ')))) FROM "+l.table("audit_heads")+" AS h FINAL) AS head"+
		" FROM "+l.table("audit_log")+" WHERE writer = ''")
	if err != nil {
		return fmt.Errorf("reading the audit log: %w", err)
	}
	out.Rows, out.Unchained, out.Head = out.Rows+now.Rows, now.Rows, now.Head
	if head := heads[""]; head.Seq != now.Rows || head.Hash != now.Hash {
		out.add("", 0, "", time.Time{}, fmt.Sprintf("of %d rows from before there were chains there are %d, or they were changed", head.Seq, now.Rows))
	}
	return nil
}

// blanked sees that no more rows are blank than erasures have blanked.
func (l *Log) blanked(ctx context.Context, out *Report) error {
	var rows uint64
	err := l.db.Get(ctx, &rows, "SELECT sum(n) FROM (SELECT argMax(counts, seq)['audit_log'] AS n FROM "+l.table("erasures")+" GROUP BY erasure_id)", warehouse.P{})
	if err != nil {
		return fmt.Errorf("reading how many rows erasures have blanked: %w", err)
	}
	if out.Erased > rows {
		out.add("", 0, "", time.Time{}, fmt.Sprintf("%d rows are blank, and erasures have blanked %d", out.Erased, rows))
	}
	return nil
}
