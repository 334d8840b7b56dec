package hubspot

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/connectors"
)

type readRequest struct {
	History    []string `json:"propertiesWithHistory"`
	IDProperty string   `json:"idProperty,omitempty"`
	Inputs     []input  `json:"inputs"`
	Properties []string `json:"properties"`
}

// additionalEmails holds a contact's other addresses, separated by semicolons;
// HubSpot finds a contact by any of them.
const additionalEmails = "hs_additional_emails"

// Look implements connectors.Looker: rows with a record id are taken to be
// there, the others are read by their unique property, 100 a request.
func (w *Writer) Look(ctx context.Context, b connectors.Batch) ([]connectors.Found, error) {
	out := make([]connectors.Found, len(b.Rows))
	wanted := map[string]map[string][]int{} // property → value → rows
	for i, r := range b.Rows {
		name, value := match(b.Action, r)
		if name == recordID && b.Action != connectors.Create && b.Action != connectors.Upsert {
			out[i] = connectors.Found{Presence: connectors.Present, Ref: value}
			continue
		}
		if value == "" {
			continue
		}
		if wanted[name] == nil {
			wanted[name] = map[string][]int{}
		}
		v := fold(name, value)
		wanted[name][v] = append(wanted[name][v], i)
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		values := slices.Sorted(maps.Keys(wanted[name]))
		for chunk := range slices.Chunk(values, maxInputs) {
			found, err := w.read(ctx, name, chunk)
			if err != nil {
				return nil, err
			}
			for _, v := range chunk {
				for _, i := range wanted[name][v] {
					out[i] = found[v]
				}
			}
		}
	}
	return out, nil
}

// read asks for contacts by one property; values are folded.
func (w *Writer) read(ctx context.Context, name string, values []string) (map[string]connectors.Found, error) {
	body := readRequest{History: []string{}, IDProperty: name, Properties: []string{name}}
	if name == recordID { // the default way; HubSpot refuses it as idProperty
		body.IDProperty = ""
	}
	if name == "email" {
		body.Properties = append(body.Properties, additionalEmails)
	}
	for _, v := range values {
		body.Inputs = append(body.Inputs, input{ID: v})
	}
	reply, err := w.call(ctx, http.MethodPost, w.objects("batch/read"), body, true)
	if err != nil {
		return nil, err
	}
	var a batchAnswer
	if err := reply.JSON(&a); err != nil {
		return nil, err
	}
	if a.Results == nil {
		return nil, &connectors.AnswerError{Reason: "the answer has no results", Reads: true}
	}
	return foundIn(a, name, values), nil
}

// foundIn settles what a read proves. A contact is absent only if HubSpot
// accounts for all others: a result that matches nothing asked for, or an
// error other than "not found", leaves the rest unknown.
func foundIn(a batchAnswer, name string, values []string) map[string]connectors.Found {
	out := make(map[string]connectors.Found, len(values))
	settled := true
	for _, r := range a.Results {
		known := false
		for _, v := range recordValues(r, name) {
			if slices.Contains(values, v) && r.ID != "" {
				out[v] = connectors.Found{Presence: connectors.Present, Ref: r.ID}
				known = true
			}
		}
		settled = settled && known
	}
	notFound := 0
	for _, e := range a.Errors {
		if e.Category != "OBJECT_NOT_FOUND" {
			settled = false
		}
		notFound++
	}
	if a.NumErrors > notFound && notFound == 0 {
		settled = false
	}
	for _, v := range values {
		if _, ok := out[v]; !ok && settled {
			out[v] = connectors.Found{Presence: connectors.Absent}
		}
	}
	return out
}

func recordValues(r record, name string) []string {
	var out []string
	if v := r.Properties[name]; v != nil {
		out = append(out, fold(name, *v))
	}
	if v := r.Properties[additionalEmails]; name == "email" && v != nil {
		for _, e := range strings.Split(*v, ";") {
			out = append(out, fold(name, strings.TrimSpace(e)))
		}
	}
	return out
}
