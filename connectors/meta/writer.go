package meta

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/tailrace/tailrace/connectors"
)

// Writer writes to the audiences of one ad account. It is safe for concurrent use.
type Writer struct {
	base    string // with the version
	account string
	token   connectors.Secret
	env     connectors.Env
}

var (
	_ connectors.Writer  = (*Writer)(nil)
	_ connectors.Looker  = (*Writer)(nil)
	_ connectors.Tester  = (*Writer)(nil)
	_ connectors.Counter = (*Writer)(nil)
	_ connectors.Sizer   = (*Writer)(nil)
)

func open(c *Config, env connectors.Env) *Writer {
	return &Writer{base: c.Address() + "/" + c.APIVersion + "/", account: c.account(), token: c.Credentials.AccessToken, env: env}
}

// upload is the body of a change of an audience's users.
type upload struct {
	Session session `json:"session"`
	Payload payload `json:"payload"`
}

// session: each batch is one of its own, so that neither the order of batches
// nor a repeated one matters.
type session struct {
	ID        uint64 `json:"session_id"`
	Seq       int    `json:"batch_seq"`
	Last      bool   `json:"last_batch_flag"`
	Estimated int    `json:"estimated_num_total"`
}

// payload: each row is as wide as the schema, "" where it has no such identifier.
type payload struct {
	Schema []string   `json:"schema"`
	Data   [][]string `json:"data"`
}

type uploadAnswer struct {
	Received *int          `json:"num_received"`
	Invalid  *int          `json:"num_invalid_entries"`
	Error    *problemInner `json:"error"`
}

// Write implements connectors.Writer.
func (w *Writer) Write(ctx context.Context, b connectors.Batch) (connectors.Answer, error) {
	method := http.MethodPost
	if b.Action.Removes() {
		method = http.MethodDelete
	}
	reply, err := w.call(ctx, method, url.PathEscape(b.Target)+"/users", newUpload(b), false)
	if err != nil {
		return connectors.Answer{}, err
	}
	var a uploadAnswer
	if err := reply.JSON(&a); err != nil {
		return connectors.Answer{}, err
	}
	if a.Error != nil {
		return connectors.Answer{}, verdict(*a.Error, reply.Header, &connectors.AnswerError{Reason: "the answer holds an error"})
	}
	return understood(a, len(b.Rows)), nil
}

// understood accepts the rows if the answer counts all of them as received and
// none as refused.
func understood(a uploadAnswer, rows int) connectors.Answer {
	result := connectors.Result{Status: connectors.Accepted}
	out := connectors.Answer{}
	switch {
	case a.Received == nil || a.Invalid == nil:
		result = connectors.Result{Code: "unproven", Words: "the answer doesn't count what was received"}
	case *a.Received != rows:
		result = connectors.Result{Code: "wrong_count", Words: fmt.Sprintf("Meta received %d of %d rows", *a.Received, rows)}
	case *a.Invalid > 0:
		out.Invalid = *a.Invalid
		result = connectors.Result{Code: "invalid_entries", Words: fmt.Sprintf("Meta refused %d of %d entries without naming them", *a.Invalid, rows)}
	}
	out.Results = slices.Repeat([]connectors.Result{result}, rows)
	return out
}

func newUpload(b connectors.Batch) upload {
	out := upload{Session: session{ID: sessionID(b.Key), Seq: 1, Last: true, Estimated: len(b.Rows)}}
	var used []column
	for _, c := range columns {
		if slices.ContainsFunc(b.Rows, func(r connectors.Row) bool { return r.Identity(b.Action)[c.identifier.Name] != "" }) {
			used = append(used, c)
			out.Payload.Schema = append(out.Payload.Schema, c.schema)
		}
	}
	out.Payload.Data = make([][]string, len(b.Rows))
	for i, r := range b.Rows {
		ids := r.Identity(b.Action)
		cells := make([]string, len(used))
		for k, c := range used {
			cells[k] = ids[c.identifier.Name]
		}
		out.Payload.Data[i] = cells
	}
	return out
}

// sessionID is the same for the same batch on every attempt. It has 53 bits, so
// that no reader of JSON rounds it.
func sessionID(key string) uint64 {
	sum := sha256.Sum256([]byte(key))
	return binary.BigEndian.Uint64(sum[:8])>>11 | 1
}

// call sends one request; body nil for none. The token goes into the header:
// an address with it would end up in logs on the way.
func (w *Writer) call(ctx context.Context, method, path string, body any, reads bool) (*connectors.Reply, error) {
	r := connectors.Request{
		Method: method, URL: w.base + path, Reads: reads,
		Header: http.Header{
			"Accept":        {"application/json"},
			"Authorization": {"Bearer " + w.token.Reveal()},
		},
	}
	if body != nil {
		encoded, err := connectors.EncodeJSON(body)
		if err != nil {
			return nil, err
		}
		r.Body = encoded
		r.Header["Content-Type"] = []string{"application/json"}
	}
	reply, err := connectors.Call(ctx, w.env.HTTP, r)
	if err != nil {
		return nil, ownTable(err)
	}
	return reply, nil
}

// FrameSize implements connectors.Sizer.
func (w *Writer) FrameSize(connectors.Batch) int { return 512 }

// RowSize implements connectors.Sizer: a cell takes at most its text, escaped,
// and its frame.
func (w *Writer) RowSize(b connectors.Batch, r connectors.Row) int {
	n := 4 + 3*len(columns)
	for _, v := range r.Identity(b.Action) {
		n += 6 * len(v)
	}
	return n
}
