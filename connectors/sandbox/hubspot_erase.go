package sandbox

import (
	"net/http"
	"strings"
)

type hubspotErase struct {
	ObjectID   string `json:"objectId"`
	IDProperty string `json:"idProperty"`
}

// erase deletes one contact for good, an archived one too. An address that isn't known is blocked instead.
func (h *HubSpot) erase(w http.ResponseWriter, r *http.Request, body []byte) {
	var in hubspotErase
	if err := decode(body, &in); err != nil {
		h.fail(w, http.StatusBadRequest, "VALIDATION_ERROR", "Invalid input JSON: "+err.Error(), nil)
		return
	}
	if in.ObjectID == "" || (in.IDProperty != "" && in.IDProperty != "email") {
		h.fail(w, http.StatusBadRequest, "VALIDATION_ERROR", "Some required fields were not set: [objectId]", nil)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	id := in.ObjectID
	if in.IDProperty == "email" {
		id = h.index["email"][strings.ToLower(in.ObjectID)]
	}
	c, found := h.contacts[id]
	switch {
	case !found && in.IDProperty == "email":
		h.blocked[strings.ToLower(in.ObjectID)] = true
	case !found:
		h.fail(w, http.StatusNotFound, "OBJECT_NOT_FOUND", "resource not found", nil)
		return
	default:
		h.unindex(c)
		delete(h.contacts, id)
		for _, members := range h.lists {
			delete(members, id)
		}
		h.counts.add("rows applied", 1)
	}
	h.counts.add("erase", 1)
	h.receipt(Receipt{Method: r.Method, Path: r.URL.Path, Op: "erase", Rows: []Applied{{ID: id}}})
	w.WriteHeader(http.StatusNoContent)
}
