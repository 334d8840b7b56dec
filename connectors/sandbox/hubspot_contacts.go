package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"
)

type hubspotInput struct {
	IDProperty   string             `json:"idProperty"`
	ID           string             `json:"id"`
	TraceID      string             `json:"objectWriteTraceId"`
	Properties   map[string]*string `json:"properties"`
	Associations []any              `json:"associations"`
}

type hubspotBatch struct {
	Inputs     []hubspotInput `json:"inputs"`
	IDProperty string         `json:"idProperty"`
	Properties []string       `json:"properties"`
	History    []string       `json:"propertiesWithHistory"`
}

// maxInputs of one batch request.
const maxInputs = 100

func (h *HubSpot) batch(w http.ResponseWriter, r *http.Request, op string, body []byte) {
	var b hubspotBatch
	if err := decode(body, &b); err != nil {
		h.fail(w, http.StatusBadRequest, "VALIDATION_ERROR", "Invalid input JSON: "+err.Error(), nil)
		return
	}
	if problem := h.checkBatch(op, b); problem != "" {
		h.fail(w, http.StatusBadRequest, "VALIDATION_ERROR", problem, nil)
		return
	}
	h.counts.add(op, 1)
	switch op {
	case "read":
		h.read(w, b)
	case "archive":
		h.archive(w, r, b)
	default:
		h.write(w, r, op, b)
	}
}

func (h *HubSpot) checkBatch(op string, b hubspotBatch) string {
	if len(b.Inputs) == 0 || len(b.Inputs) > maxInputs {
		return fmt.Sprintf("The number of inputs must be between 1 and %d, was %d", maxInputs, len(b.Inputs))
	}
	seen := map[string]bool{}
	for _, in := range b.Inputs {
		if in.IDProperty == "hs_object_id" || (op == "read" && b.IDProperty == "hs_object_id") {
			return "hs_object_id is not allowed as idProperty"
		}
		if op != "create" {
			if in.ID == "" {
				return "Some required fields were not set: [id]"
			}
			id := in.IDProperty + "\x00" + strings.ToLower(in.ID)
			if seen[id] {
				return "Duplicate IDs found in batch input"
			}
			seen[id] = true
		}
		if op == "upsert" && in.IDProperty == "" {
			return "Some required fields were not set: [idProperty]"
		}
		if (op == "upsert" || op == "update" || op == "create") && in.Properties == nil {
			return "Some required fields were not set: [properties]"
		}
		for name := range in.Properties {
			if strings.HasPrefix(name, "missing_") {
				return fmt.Sprintf("Property values were not valid: Property %q does not exist", name)
			}
		}
	}
	return ""
}

// write is upsert, update and create: rows that can't be written are named if
// the request gave trace ids, else the whole batch is refused.
func (h *HubSpot) write(w http.ResponseWriter, r *http.Request, op string, b hubspotBatch) {
	moods := make([]behaviour, len(b.Inputs))
	for i, in := range b.Inputs {
		moods[i] = h.tempers.of(in.ID, value(in.Properties["email"]))
		switch {
		case moods[i] == slow:
			wait(r, h.o.Slow)
		case moods[i] == poison, moods[i] == invalid && in.TraceID == "":
			h.fail(w, http.StatusBadRequest, "VALIDATION_ERROR", "Property values were not valid", nil)
			return
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	receipt := Receipt{Method: r.Method, Path: r.URL.Path, Op: op}
	var results, errs []map[string]any
	for i, in := range b.Inputs {
		if e := h.rowError(op, in, moods[i]); e != nil {
			errs = append(errs, e)
			continue
		}
		c, isNew := h.apply(op, in)
		result := h.shown(c, nil)
		if op == "upsert" {
			result["new"] = isNew
			result["objectWriteTraceId"] = in.TraceID
		}
		results = append(results, result)
		receipt.Rows = append(receipt.Rows, Applied{Key: in.TraceID, ID: c.ID, Match: map[string]string{in.IDProperty: in.ID}, Fields: texts(in.Properties)})
	}
	h.counts.add("rows applied", len(results))
	h.counts.add("workflows enrolled", len(results))
	if len(receipt.Rows) > 0 {
		h.receipt(receipt)
	}
	status := http.StatusOK
	if op == "create" {
		status = http.StatusCreated
	}
	if len(errs) > 0 {
		status = http.StatusMultiStatus
	}
	// Not in the order of the request: nothing may rely on it.
	for i, j := 0, len(results)-1; i < j; i, j = i+1, j-1 {
		results[i], results[j] = results[j], results[i]
	}
	h.answer(w, status, results, errs)
}

func (h *HubSpot) answer(w http.ResponseWriter, status int, results, errs []map[string]any) {
	now := h.o.Now().UTC().Format(time.RFC3339Nano)
	if results == nil {
		results = []map[string]any{}
	}
	a := map[string]any{"status": "COMPLETE", "startedAt": now, "completedAt": now, "results": results}
	if len(errs) > 0 {
		a["errors"], a["numErrors"] = errs, len(errs)
	}
	writeJSON(w, status, a)
}

// rowError is the error of one row, nil if it can be written.
func (h *HubSpot) rowError(op string, in hubspotInput, m behaviour) map[string]any {
	context := map[string][]string{"objectWriteTraceId": {in.TraceID}}
	e := func(category, code, message string) map[string]any {
		return map[string]any{
			"status": "error", "category": category, "message": message, "context": context, "links": map[string]string{},
			"errors": []map[string]any{{"message": message, "code": code, "in": "email"}},
		}
	}
	switch m {
	case invalid:
		return e("VALIDATION_ERROR", "INVALID_EMAIL", "Email address "+value(in.Properties["email"])+" is invalid")
	case forgotten:
		return e("VALIDATION_ERROR", "CONTACT_BLOCKLISTED", "This contact was erased and can't be added again")
	case locked:
		return e("RATE_LIMITS", "", "The record is locked, try again")
	case unnamed:
		context = map[string][]string{}
		return e("VALIDATION_ERROR", "INVALID_PROPERTY", "A property is invalid")
	}
	if h.blocked[strings.ToLower(value(in.Properties["email"]))] {
		return e("VALIDATION_ERROR", "CONTACT_BLOCKLISTED", "This contact was erased and can't be added again")
	}
	_, found := h.find(in.IDProperty, in.ID)
	if op == "update" && !found {
		return e("OBJECT_NOT_FOUND", "", "No contact found")
	}
	if op == "create" {
		if _, exists := h.find("email", value(in.Properties["email"])); exists {
			return e("CONFLICT", "", "Contact already exists")
		}
	}
	return nil
}

// apply writes one row; a property set to "" is cleared.
func (h *HubSpot) apply(op string, in hubspotInput) (*HubSpotContact, bool) {
	now := h.o.Now().UTC()
	id, found := "", false
	if op != "create" {
		id, found = h.find(in.IDProperty, in.ID)
	}
	if !found {
		h.next++
		id = fmt.Sprintf("standin_%d", h.next)
		h.contacts[id] = &HubSpotContact{ID: id, Properties: map[string]string{}, CreatedAt: now}
	}
	c := h.contacts[id]
	c.Writes, c.UpdatedAt = c.Writes+1, now
	h.unindex(c)
	if in.IDProperty != "" {
		c.Properties[in.IDProperty] = in.ID
		if h.index[in.IDProperty] == nil {
			h.index[in.IDProperty] = map[string]string{}
		}
	}
	for name, v := range in.Properties {
		if value(v) == "" {
			delete(c.Properties, name)
			continue
		}
		c.Properties[name] = *v
	}
	// HubSpot keeps addresses in lower case.
	if e := c.Properties["email"]; e != "" {
		c.Properties["email"] = strings.ToLower(e)
	}
	for name := range h.index {
		if v := c.Properties[name]; v != "" {
			h.index[name][strings.ToLower(v)] = id
		}
	}
	return c, !found
}

func (h *HubSpot) unindex(c *HubSpotContact) {
	for name, ids := range h.index {
		if v := strings.ToLower(c.Properties[name]); ids[v] == c.ID {
			delete(ids, v)
		}
	}
}

// find looks a contact up by a unique property, or by its id.
func (h *HubSpot) find(property, v string) (string, bool) {
	id := v
	if property != "" {
		id = h.index[property][strings.ToLower(v)]
	}
	c, ok := h.contacts[id]
	return id, ok && !c.Archived
}

func (h *HubSpot) shown(c *HubSpotContact, only []string) map[string]any {
	properties := maps.Clone(c.Properties)
	if only != nil {
		properties = map[string]string{}
		for _, name := range only {
			if v, ok := c.Properties[name]; ok {
				properties[name] = v
			}
		}
	}
	properties["hs_object_id"] = c.ID
	return map[string]any{
		"id": c.ID, "properties": properties, "archived": c.Archived,
		"createdAt": c.CreatedAt.Format(time.RFC3339Nano), "updatedAt": c.UpdatedAt.Format(time.RFC3339Nano),
	}
}

func (h *HubSpot) read(w http.ResponseWriter, b hubspotBatch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var results, errs []map[string]any
	var missing []string
	for _, in := range b.Inputs {
		id, ok := h.find(b.IDProperty, in.ID)
		if !ok {
			missing = append(missing, in.ID)
			continue
		}
		results = append(results, h.shown(h.contacts[id], append([]string{}, b.Properties...)))
	}
	status := http.StatusOK
	if len(missing) > 0 {
		status = http.StatusMultiStatus
		errs = append(errs, map[string]any{
			"status": "error", "category": "OBJECT_NOT_FOUND", "message": "Could not get some CONTACT objects, they may be deleted or not exist.",
			"context": map[string][]string{"ids": missing}, "links": map[string]string{}, "errors": []any{},
		})
	}
	h.answer(w, status, results, errs)
}

func (h *HubSpot) archive(w http.ResponseWriter, r *http.Request, b hubspotBatch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	receipt := Receipt{Method: r.Method, Path: r.URL.Path, Op: "archive"}
	for _, in := range b.Inputs {
		if c, ok := h.contacts[in.ID]; ok && !c.Archived {
			c.Archived = true
			h.unindex(c)
			for _, members := range h.lists {
				delete(members, c.ID)
			}
		}
		receipt.Rows = append(receipt.Rows, Applied{ID: in.ID})
	}
	h.counts.add("rows applied", len(b.Inputs))
	h.receipt(receipt)
	w.WriteHeader(http.StatusNoContent)
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func texts(m map[string]*string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = value(v)
	}
	return out
}
