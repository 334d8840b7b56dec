package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// list answers what concerns one list; sub is "", "/memberships" or one of its
// changes, named by op.
func (h *HubSpot) list(w http.ResponseWriter, r *http.Request, id, sub, op string, body []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	members, ok := h.lists[id]
	if !ok && strings.HasPrefix(id, "standin_") && !h.dropped[id] {
		members, ok = map[string]time.Time{}, true
		h.lists[id] = members
	}
	if !ok {
		h.fail(w, http.StatusNotFound, "OBJECT_NOT_FOUND", "List does not exist with ID "+id+".", nil)
		return
	}
	switch {
	case sub == "" && r.Method == http.MethodGet:
		now := h.o.Now().UTC().Format(time.RFC3339Nano)
		writeJSON(w, http.StatusOK, map[string]any{"list": map[string]any{
			"listId": id, "name": id, "objectTypeId": "0-1", "processingType": "MANUAL", "processingStatus": "COMPLETE",
			"listVersion": 1, "size": len(members), "createdAt": now, "updatedAt": now,
		}})
	case op == "" && sub != "" && r.Method == http.MethodGet:
		h.memberships(w, r, members)
	case op != "" && r.Method == http.MethodPut:
		h.changeMembership(w, r, id, op, body, members)
	default:
		h.fail(w, http.StatusMethodNotAllowed, "VALIDATION_ERROR", "method not allowed", nil)
	}
}

func (h *HubSpot) changeMembership(w http.ResponseWriter, r *http.Request, list, op string, body []byte, members map[string]time.Time) {
	var change struct {
		Add    []string `json:"recordIdsToAdd"`
		Remove []string `json:"recordIdsToRemove"`
	}
	var err error
	switch op {
	case "add":
		err = decode(body, &change.Add)
	case "remove":
		err = decode(body, &change.Remove)
	default:
		err = decode(body, &change)
		if err == nil && (change.Add == nil || change.Remove == nil) {
			err = fmt.Errorf("some required fields were not set: [recordIdsToAdd, recordIdsToRemove]")
		}
	}
	if err != nil {
		h.fail(w, http.StatusBadRequest, "VALIDATION_ERROR", err.Error(), nil)
		return
	}
	added, removed, missing := []string{}, []string{}, []string{}
	for _, id := range change.Add {
		c, ok := h.contacts[id]
		_, in := members[id]
		switch {
		case !ok || c.Archived:
			missing = append(missing, id)
		case !in:
			members[id] = h.o.Now().UTC()
			added = append(added, id)
		}
	}
	for _, id := range change.Remove {
		c, ok := h.contacts[id]
		_, in := members[id]
		switch {
		case !ok || c.Archived:
			missing = append(missing, id)
		case in:
			delete(members, id)
			removed = append(removed, id)
		}
	}
	h.counts.add("memberships "+op, 1)
	h.counts.add("rows applied", len(change.Add)+len(change.Remove))
	h.counts.add("workflows enrolled", len(added))
	h.receiveMembership(r, list, "add_to_list", change.Add)
	h.receiveMembership(r, list, "remove_from_list", change.Remove)
	// The specification's spelling, as the SDK reads it.
	writeJSON(w, http.StatusOK, map[string]any{"recordsIdsAdded": added, "recordIdsRemoved": removed, "recordIdsMissing": missing})
}

func (h *HubSpot) receiveMembership(r *http.Request, list, op string, ids []string) {
	if len(ids) == 0 {
		return
	}
	x := Receipt{Method: r.Method, Path: r.URL.Path, Op: op, Target: list}
	for _, id := range ids {
		row := Applied{ID: id}
		if c := h.contacts[id]; c != nil && c.Properties["email"] != "" {
			row.Match = map[string]string{"email": c.Properties["email"]}
		}
		x.Rows = append(x.Rows, row)
	}
	h.receipt(x)
}

// memberships lists members page by page, ordered by record id.
func (h *HubSpot) memberships(w http.ResponseWriter, r *http.Request, members map[string]time.Time) {
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil || limit < 1 || limit > 250 {
		limit = 100
	}
	after := r.URL.Query().Get("after")
	page := []map[string]any{}
	answer := map[string]any{"total": len(members)}
	for _, id := range slices.Sorted(maps.Keys(members)) {
		if id <= after {
			continue
		}
		if len(page) == limit {
			answer["paging"] = map[string]any{"next": map[string]any{"after": page[len(page)-1]["recordId"]}}
			break
		}
		page = append(page, map[string]any{"recordId": id, "membershipTimestamp": members[id].Format(time.RFC3339Nano)})
	}
	answer["results"] = page
	writeJSON(w, http.StatusOK, answer)
}
