package mailchimp

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/connectors"
)

// subscriber is one row of a batch that sets subscription statuses.
type subscriber struct {
	EmailAddress string                      `json:"email_address"`
	Status       string                      `json:"status"`
	MergeFields  map[string]connectors.Value `json:"merge_fields,omitempty"`
}

type subscribers struct {
	Members        []subscriber `json:"members"`
	UpdateExisting bool         `json:"update_existing"`
}

// subscribersAnswer names rows by address, in three arrays.
type subscribersAnswer struct {
	New     []member     `json:"new_members"`
	Updated []member     `json:"updated_members"`
	Errors  []batchError `json:"errors"`
	Count   int          `json:"error_count"`
}

type batchError struct {
	EmailAddress string `json:"email_address"`
	Error        string `json:"error"`
	Code         string `json:"error_code"`
	Field        string `json:"field"`
	FieldMessage string `json:"field_message"`
}

func subscription(a connectors.Action, r connectors.Row) subscriber {
	s := subscriber{EmailAddress: r.Identity(a)["email"], Status: "subscribed"}
	if a.Removes() {
		s.Status = "unsubscribed"
	} else {
		s.MergeFields = merge(r.Fields)
	}
	return s
}

// writeSubscribers subscribes or unsubscribes: the only request that carries a
// subscription status for contacts that exist.
func (w *Writer) writeSubscribers(ctx context.Context, b connectors.Batch) (connectors.Answer, error) {
	out := connectors.Answer{Results: make([]connectors.Result, len(b.Rows))}
	rows := byAddress(b, out.Results)
	body := subscribers{UpdateExisting: true}
	for i, r := range b.Rows {
		if out.Results[i].Status == connectors.Unknown {
			body.Members = append(body.Members, subscription(b.Action, r))
		}
	}
	if len(body.Members) == 0 {
		return out, nil
	}
	reply, err := w.call(ctx, http.MethodPost, w.list(w.validation()), body, false)
	if err != nil {
		return connectors.Answer{}, err
	}
	var a subscribersAnswer
	if err := reply.JSON(&a); err != nil {
		return connectors.Answer{}, err
	}
	subscribed(b, a, rows, &out)
	return out, nil
}

// byAddress finds rows by what answers call them; rows without an address are
// settled at once.
func byAddress(b connectors.Batch, results []connectors.Result) map[string]int {
	rows := make(map[string]int, len(b.Rows))
	for i, r := range b.Rows {
		e := strings.ToLower(r.Identity(b.Action)["email"])
		if e == "" {
			results[i] = withoutAddress
			continue
		}
		rows[e] = i
	}
	return rows
}

// subscribed finds each row's result by address. Two results for one row prove
// neither.
func subscribed(b connectors.Batch, a subscribersAnswer, rows map[string]int, out *connectors.Answer) {
	told := map[int]bool{}
	tell := func(email string, r connectors.Result) {
		i, ok := rows[strings.ToLower(email)]
		if !ok {
			return
		}
		if told[i] {
			r = connectors.Result{Code: "contradiction", Words: "the answer says two things about this row"}
		}
		told[i] = true
		out.Results[i] = r
	}
	for _, m := range slices.Concat(a.New, a.Updated) {
		if i, ok := rows[strings.ToLower(m.EmailAddress)]; ok {
			tell(m.EmailAddress, standing(b.Action, b.Rows[i], m))
		}
	}
	for _, e := range a.Errors {
		tell(e.EmailAddress, errorResult(b.Action, e))
	}
	out.Invalid = max(a.Count-len(a.Errors), 0)
}

// standing judges the status that the answer shows, since Mailchimp may leave
// one as it was and say nothing.
func standing(a connectors.Action, r connectors.Row, m member) connectors.Result {
	var wanted []string
	if a.Removes() {
		wanted = []string{"unsubscribed", "cleaned", archived}
	} else {
		wanted = []string{"subscribed", "pending"} // pending: the person is asked first
	}
	switch {
	case m.ID == "" || m.Status == "":
		return connectors.Result{Code: "unproven", Words: "the answer shows no status"}
	case !slices.Contains(wanted, m.Status):
		return connectors.Result{Status: connectors.Rejected, Ref: m.ID, Code: "status_" + m.Status,
			Words: "Mailchimp left the contact " + m.Status}
	case a.Removes():
		return connectors.Result{Status: connectors.Accepted, Ref: m.ID}
	}
	return written(r, m)
}

func errorResult(a connectors.Action, e batchError) connectors.Result {
	r := connectors.Result{Status: connectors.Rejected, Code: e.Code, Field: e.Field, Words: strings.TrimSpace(e.Error + " " + e.FieldMessage)}
	if r.Code == "" {
		r.Code = "ERROR_GENERIC"
	}
	switch {
	case putOff(e.Error):
		r.Status = connectors.Deferred
	case a.Removes() && strings.Contains(e.Error, "permanently deleted"):
		return connectors.Result{Status: connectors.Accepted, Words: "was erased before"}
	}
	return r
}
