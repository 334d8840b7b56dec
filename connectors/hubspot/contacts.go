package hubspot

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/connectors"
)

// input is one row of a batch request.
type input struct {
	IDProperty string            `json:"idProperty,omitempty"`
	ID         string            `json:"id,omitempty"`
	TraceID    string            `json:"objectWriteTraceId,omitempty"`
	Properties map[string]string `json:"properties,omitempty"`
}

type inputs struct {
	Inputs []input `json:"inputs"`
}

// batchAnswer is the answer to a batch request: 200 with results, or 207 with
// results and errors.
type batchAnswer struct {
	Results   []record     `json:"results"`
	Errors    []batchError `json:"errors"`
	NumErrors int          `json:"numErrors"`
}

type record struct {
	ID         string             `json:"id"`
	TraceID    string             `json:"objectWriteTraceId"`
	Properties map[string]*string `json:"properties"`
}

type batchError struct {
	Category string              `json:"category"`
	Message  string              `json:"message"`
	Context  map[string][]string `json:"context"`
	Errors   []struct {
		Message string              `json:"message"`
		Code    string              `json:"code"`
		In      string              `json:"in"`
		Context map[string][]string `json:"context"`
	} `json:"errors"`
}

// match returns how HubSpot finds the row's contact: by its record id if an
// acknowledgement gave one, else by a unique property.
func match(a connectors.Action, r connectors.Row) (property, value string) {
	ids := r.Identity(a)
	if a != connectors.Upsert && a != connectors.Create {
		if r.Ref != "" {
			return recordID, r.Ref
		}
		if v := ids[recordID]; v != "" {
			return recordID, v
		}
	}
	return uniqueProperty(ids)
}

// uniqueProperty picks the identifier other than the record id: e-mail last,
// since a custom unique property outlives a change of address.
func uniqueProperty(ids map[string]string) (property, value string) {
	for name, v := range ids {
		if name != recordID && name != "email" && v != "" && (property == "" || name < property) {
			property, value = name, v
		}
	}
	if property == "" && ids["email"] != "" {
		return "email", ids["email"]
	}
	return property, value
}

func contactInput(a connectors.Action, r connectors.Row) input {
	in := input{TraceID: r.Key, Properties: map[string]string{}}
	for name, v := range r.Fields {
		in.Properties[name] = property(v)
	}
	for name, v := range r.IDs {
		if name != recordID && v != "" {
			in.Properties[name] = v
		}
	}
	if a == connectors.Create {
		return in
	}
	name, value := match(a, r)
	in.ID = value
	// The record id is the default way; HubSpot refuses it as idProperty.
	if name != recordID {
		in.IDProperty = name
	}
	return in
}

// property writes a value as HubSpot's texts: several choices are separated by
// semicolons, null clears.
func property(v connectors.Value) string {
	if v.Kind() != connectors.KindArray {
		return v.Text()
	}
	items, err := v.Items()
	if err != nil {
		return v.Text()
	}
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = item.Text()
	}
	return strings.Join(texts, ";")
}

func (w *Writer) writeContacts(ctx context.Context, b connectors.Batch) (connectors.Answer, error) {
	body := inputs{}
	for _, r := range b.Rows {
		in := contactInput(b.Action, r)
		if in.ID == "" && b.Action != connectors.Create {
			return connectors.Answer{}, &connectors.CallError{Do: connectors.Split, Code: "no_identifier",
				Words: "a contact is upserted by a property with unique values", Rows: withoutMatch(b)}
		}
		body.Inputs = append(body.Inputs, in)
	}
	reply, err := w.call(ctx, http.MethodPost, w.objects("batch/"+string(b.Action)), body, false)
	if err != nil {
		return connectors.Answer{}, nameRows(err, b)
	}
	var a batchAnswer
	if err := reply.JSON(&a); err != nil {
		return connectors.Answer{}, err
	}
	return contactResults(b, a), nil
}

func withoutMatch(b connectors.Batch) []int {
	var out []int
	for i, r := range b.Rows {
		if _, v := match(b.Action, r); v == "" {
			out = append(out, i)
		}
	}
	return out
}

// contactResults finds each row's result by what the answer proves: results
// aren't in the order of the request, and errors name a row only by the trace
// id that we sent.
func contactResults(b connectors.Batch, a batchAnswer) connectors.Answer {
	out := connectors.Answer{Results: make([]connectors.Result, len(b.Rows))}
	find := newFinder(b)
	twice := map[int]bool{}
	for _, r := range a.Results {
		i, ok := find.record(r)
		if !ok || r.ID == "" {
			continue
		}
		if out.Results[i].Status == connectors.Accepted && out.Results[i].Ref != r.ID {
			twice[i] = true
		}
		out.Results[i] = connectors.Result{Status: connectors.Accepted, Ref: r.ID}
	}
	for _, e := range a.Errors {
		rows := find.named(e)
		if len(rows) == 0 {
			out.Invalid++
		}
		for _, i := range rows {
			// An answer that says both about a row proves neither.
			if out.Results[i].Status == connectors.Accepted {
				twice[i] = true
			}
			out.Results[i] = errorResult(e)
		}
	}
	for i := range twice {
		out.Results[i] = connectors.Result{Code: "contradiction", Words: "the answer says two things about this row"}
	}
	if unnamed := a.NumErrors - len(a.Errors); unnamed > 0 {
		out.Invalid += unnamed
	}
	return out
}

func errorResult(e batchError) connectors.Result {
	r := connectors.Result{Status: connectors.Rejected, Code: e.Category, Words: e.Message}
	if len(e.Errors) > 0 {
		r.Field = e.Errors[0].In
		if e.Errors[0].Code != "" {
			r.Code = e.Errors[0].Code
		}
	}
	switch e.Category {
	case "OBJECT_NOT_FOUND":
		r.Code = connectors.CodeAbsent
	case "CONFLICT":
		r.Code = connectors.CodeExists
	case "RATE_LIMITS", "RATE_LIMIT":
		r.Status = connectors.Deferred
	}
	return r
}

// finder knows the rows of a batch by what an answer may call them.
type finder struct {
	byTrace, byRef map[string]int
	byProperty     map[string]map[string]int
}

func newFinder(b connectors.Batch) finder {
	f := finder{byTrace: map[string]int{}, byRef: map[string]int{}, byProperty: map[string]map[string]int{}}
	for i, r := range b.Rows {
		f.byTrace[r.Key] = i
		name, value := match(b.Action, r)
		switch {
		case value == "":
		case name == recordID:
			f.byRef[value] = i
		default:
			if f.byProperty[name] == nil {
				f.byProperty[name] = map[string]int{}
			}
			f.byProperty[name][fold(name, value)] = i
		}
	}
	return f
}

func fold(name, value string) string {
	if name == "email" {
		return strings.ToLower(value)
	}
	return value
}

func (f finder) record(r record) (int, bool) {
	if i, ok := f.byTrace[r.TraceID]; ok && r.TraceID != "" {
		return i, true
	}
	if i, ok := f.byRef[r.ID]; ok {
		return i, true
	}
	for name, rows := range f.byProperty {
		if v := r.Properties[name]; v != nil {
			if i, ok := rows[fold(name, *v)]; ok {
				return i, true
			}
		}
	}
	return 0, false
}

// named lists the rows that an error names, by trace id or record id.
func (f finder) named(e batchError) []int {
	var out []int
	add := func(context map[string][]string) {
		for _, t := range context["objectWriteTraceId"] {
			if i, ok := f.byTrace[t]; ok {
				out = append(out, i)
			}
		}
		for _, key := range []string{"ids", "id"} {
			for _, id := range context[key] {
				if i, ok := f.byRef[id]; ok {
					out = append(out, i)
				}
				for name, rows := range f.byProperty {
					if i, ok := rows[fold(name, id)]; ok {
						out = append(out, i)
					}
				}
			}
		}
	}
	add(e.Context)
	for _, inner := range e.Errors {
		add(inner.Context)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
