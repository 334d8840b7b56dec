package api

import (
	"context"
	"net/http"

	"github.com/tailrace/tailrace/syncs"
)

// registerRows mounts the rows of a run: what changed, who was left out, what was said to the vendor.
func (s *Server) registerRows() {
	register(s, endpoint{id: "list-run-changes", method: http.MethodGet, path: "/api/v1/runs/{id}/changes", summary: "Changes of a run with their outcomes; masked for viewers", tag: "runs", role: Viewer},
		func(ctx context.Context, in *struct {
			Paging
			ID      string   `path:"id"`
			Op      syncs.Op `query:"op" enum:"add,change,remove"`
			Outcome string   `query:"outcome" enum:"accepted,rejected,skipped,moved,suppressed,unknown,cancelled,to_go"`
			Q       string   `query:"q" doc:"Part of a key or an identifier; needs operator"`
		}) (*body[page[syncs.ChangeView]], error) {
			r, err := s.readRows(ctx, in.ID, "read_changes", in.Q)
			if err != nil {
				return nil, err
			}
			found, next, err := s.opts.Syncs.Changes(ctx, in.ID, syncs.ChangeFilter{Op: in.Op, Outcome: in.Outcome, Q: in.Q, Cursor: in.Cursor, Limit: in.Limit})
			if err != nil {
				return nil, err
			}
			if masked(ctx) {
				personal, err := s.personalFields(ctx, r)
				if err != nil {
					return nil, err
				}
				for i := range found {
					maskChange(&found[i], personal)
				}
			}
			return pageOf(s, found, next), nil
		})
	register(s, endpoint{id: "list-run-left-out", method: http.MethodGet, path: "/api/v1/runs/{id}/left-out", summary: "Rows that the selection left out, and why; masked for viewers", tag: "runs", role: Viewer},
		func(ctx context.Context, in *struct {
			Paging
			ID     string `path:"id"`
			Reason string `query:"reason" enum:"suppressed,consent_denied,consent_unknown,invalid_empty_match,invalid_refused_match,invalid_duplicate_match,unresolved,quarantined,open_ticket,exclusion,exclusion_priority,holdout"`
		}) (*body[page[syncs.LeftOutView]], error) {
			cursor, err := s.openCursor(ctx, in.Cursor)
			if err != nil {
				return nil, err
			}
			if _, err := s.readRows(ctx, in.ID, "read_left_out", ""); err != nil {
				return nil, err
			}
			found, next, err := s.opts.Syncs.LeftOut(ctx, in.ID, in.Reason, cursor, in.Limit)
			if err != nil {
				return nil, err
			}
			if masked(ctx) {
				for i := range found {
					found[i].Key, found[i].IDs = maskText(found[i].Key), maskRaw(found[i].IDs)
				}
			}
			next, err = s.closeCursor(ctx, next)
			return pageOf(s, found, next), err
		})
	register(s, endpoint{id: "list-run-exchanges", method: http.MethodGet, path: "/api/v1/runs/{id}/exchanges", summary: "Requests of a run and their answers, secrets hidden; masked for viewers", tag: "runs", role: Viewer},
		func(ctx context.Context, in *struct {
			Paging
			ID    string `path:"id"`
			Batch uint32 `query:"batch" doc:"Only of this batch"`
		}) (*body[page[syncs.ExchangeView]], error) {
			if _, err := s.readRows(ctx, in.ID, "read_exchanges", ""); err != nil {
				return nil, err
			}
			found, next, err := s.opts.Syncs.Exchanges(ctx, in.ID, in.Batch, in.Cursor, in.Limit)
			if err != nil {
				return nil, err
			}
			if masked(ctx) {
				for i := range found {
					maskExchange(&found[i])
				}
			}
			return pageOf(s, found, next), nil
		})
}

// readRows checks that there is such a run and that the caller may read its rows so, and audits the reading.
func (s *Server) readRows(ctx context.Context, id, action, q string) (syncs.Run, error) {
	r, err := s.opts.Syncs.Run(ctx, id)
	if err != nil {
		return r, err
	}
	if err := s.mayFilter(ctx, q); err != nil {
		return r, err
	}
	return r, s.auditRead(ctx, action, "run/"+id)
}

// personalFields tells which fields of a run's rows are filled from personal columns; all, if the sync's file is gone.
func (s *Server) personalFields(ctx context.Context, r syncs.Run) (func(field string) bool, error) {
	names, err := s.syncNames(ctx)
	if err != nil {
		return nil, err
	}
	p := s.opts.Project()
	file := p.Sync(names[r.SyncID])
	if file == nil {
		return func(string) bool { return true }, nil
	}
	columns := map[string]string{}
	for _, f := range file.Fields {
		columns[f.Name] = f.Column.Name
	}
	return func(field string) bool {
		column, mapped := columns[field]
		return !mapped || calledPersonal(p, column)
	}, nil
}

func maskChange(c *syncs.ChangeView, personal func(field string) bool) {
	c.Key = maskText(c.Key)
	c.IDsBefore, c.IDsAfter, c.Before, c.After = maskRaw(c.IDsBefore), maskRaw(c.IDsAfter), maskFields(c.Before, personal), maskFields(c.After, personal)
	c.Receipt.Ref, c.Receipt.Words = maskText(c.Receipt.Ref), maskText(c.Receipt.Words) // the vendor's: of what form isn't known
}

func maskExchange(x *syncs.ExchangeView) {
	x.RequestBody, x.ResponseBody = maskDocument(x.RequestBody), maskDocument(x.ResponseBody)
	x.Path, x.Error = maskPath(x.Path), maskWords(x.Error)
	maskHeaders(x.RequestHeaders)
	maskHeaders(x.ResponseHeaders)
}
