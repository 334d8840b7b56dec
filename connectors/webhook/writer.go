package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/tailrace/tailrace/connectors"
)

// Writer sends to one receiver. It is safe for concurrent use.
type Writer struct {
	address string
	signers []*standardwebhooks.Webhook
	env     connectors.Env
}

var (
	_ connectors.Writer = (*Writer)(nil)
	_ connectors.Sizer  = (*Writer)(nil)
)

func open(c *Config, env connectors.Env) (*Writer, error) {
	w := &Writer{address: c.BaseURL, env: env}
	for _, s := range []connectors.Secret{c.Credentials.Secret, c.Credentials.Previous} {
		if s.IsZero() {
			continue
		}
		signer, err := standardwebhooks.NewWebhook(s.Reveal())
		if err != nil {
			// The library's error may quote the secret.
			return nil, errors.New("reading a signing secret: it is not base64")
		}
		w.signers = append(w.signers, signer)
	}
	return w, nil
}

// Write implements connectors.Writer.
func (w *Writer) Write(ctx context.Context, b connectors.Batch) (connectors.Answer, error) {
	body, err := encode(b)
	if err != nil {
		return connectors.Answer{}, err
	}
	id, now := messageID(b.Key), w.env.Now()
	signature, err := w.sign(id, now.Unix(), body)
	if err != nil {
		return connectors.Answer{}, &connectors.EncodeError{Err: err}
	}
	reply, err := connectors.Call(ctx, w.env.HTTP, connectors.Request{
		Method: http.MethodPost, URL: w.address, Body: body,
		Header: http.Header{
			"Content-Type":      {"application/json"},
			"Webhook-Id":        {id},
			"Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)},
			"Webhook-Signature": {signature},
		},
	})
	if err != nil {
		return connectors.Answer{}, w.verdict(err)
	}
	return read(b, reply)
}

// sign signs the bytes that are sent, with every secret in force.
func (w *Writer) sign(id string, unix int64, body []byte) (string, error) {
	var out bytes.Buffer
	for i, s := range w.signers {
		signature, err := s.Sign(id, time.Unix(unix, 0), body)
		if err != nil {
			return "", fmt.Errorf("signing the message: %w", err)
		}
		if i > 0 {
			out.WriteByte(' ')
		}
		out.WriteString(signature)
	}
	return out.String(), nil
}

// verdict: 502 and 504 ask to slow down, as 429 does, but don't say whether
// the message arrived.
func (w *Writer) verdict(err error) error {
	var h *connectors.HTTPError
	if !errors.As(err, &h) {
		return err
	}
	wait, _ := connectors.RetryAfter(h.Header, w.env.Now())
	switch h.Status {
	case http.StatusGone:
		return &connectors.CallError{Do: connectors.Stop, Scope: connectors.ScopeTarget, Code: "gone",
			Words: "the receiver asks for no more messages", Err: h}
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		return &connectors.CallError{Do: connectors.FindOut, Scope: connectors.ScopeAccount, Wait: wait,
			Code: strconv.Itoa(h.Status), Words: "the receiver's gateway gave no answer", Err: h}
	}
	return err
}

type receipt struct {
	Results *[]struct {
		Key    string `json:"key"`
		Status string `json:"status"`
		Code   string `json:"code"`
		Words  string `json:"words"`
		Ref    string `json:"ref"`
	} `json:"results"`
}

// read takes a 2xx as the receiver's word for all rows, unless what came back
// can't be the receiver's: a page, binary data, JSON that breaks off.
func read(b connectors.Batch, reply *connectors.Reply) (connectors.Answer, error) {
	body := bytes.TrimSpace(reply.Body)
	switch {
	case connectors.LooksLikeHTML(body):
		return connectors.Answer{}, &connectors.AnswerError{Reason: "the answer is an HTML page"}
	case !utf8.Valid(body) || bytes.IndexByte(body, 0) >= 0:
		return connectors.Answer{}, &connectors.AnswerError{Reason: "the answer is binary"}
	}
	out := connectors.Answer{Results: make([]connectors.Result, len(b.Rows))}
	for i := range out.Results {
		out.Results[i].Status = connectors.Accepted
	}
	if len(body) == 0 || body[0] != '{' {
		return out, nil
	}
	var a receipt
	if err := json.Unmarshal(body, &a); err != nil {
		return connectors.Answer{}, &connectors.AnswerError{Reason: "the answer is broken JSON"}
	}
	if a.Results == nil {
		return out, nil
	}
	rows := make(map[string]int, len(b.Rows))
	for i, r := range b.Rows {
		rows[r.Key] = i
	}
	named := map[int]bool{}
	for _, r := range *a.Results {
		i, ok := rows[r.Key]
		if !ok {
			// It speaks of rows that weren't sent: nothing in it is proof.
			return connectors.Answer{}, &connectors.AnswerError{Reason: "the answer names rows that were not sent"}
		}
		result := connectors.Result{Status: statuses[r.Status], Code: r.Code, Words: r.Words, Ref: r.Ref}
		if named[i] && out.Results[i].Status != result.Status {
			result = connectors.Result{Code: "contradiction", Words: "the answer says two things about this row"}
		}
		named[i] = true
		out.Results[i] = result
	}
	return out, nil
}

// statuses that a receiver may use; any other word proves nothing.
var statuses = map[string]connectors.Status{
	"accepted": connectors.Accepted, "rejected": connectors.Rejected, "deferred": connectors.Deferred,
}

// FrameSize implements connectors.Sizer.
func (w *Writer) FrameSize(b connectors.Batch) int {
	b.Rows = nil
	body, err := encode(b)
	if err != nil {
		return 1 << 30
	}
	return len(body)
}

// RowSize implements connectors.Sizer.
func (w *Writer) RowSize(b connectors.Batch, r connectors.Row) int {
	body, err := connectors.EncodeJSON(toItem(b.Action, r))
	if err != nil {
		return 1 << 30
	}
	return len(body) + 1
}
