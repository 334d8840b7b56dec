package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// mailchimpMost is how many contacts one request may name.
const mailchimpMost = 500

// batch is POST on the audience: contacts with their subscription statuses,
// each answered by address in one of three arrays.
func (x *Mailchimp) batch(w http.ResponseWriter, r *http.Request, l *mailchimpList, body []byte) {
	var in struct {
		Members        []mailchimpInput `json:"members"`
		UpdateExisting bool             `json:"update_existing"`
		SyncTags       bool             `json:"sync_tags"`
	}
	if err := decode(body, &in); err != nil {
		x.problem(w, http.StatusBadRequest, "JSON Parse Error", "We encountered an unspecified JSON parsing error: "+err.Error())
		return
	}
	if n := len(in.Members); n == 0 || n > mailchimpMost {
		x.problem(w, http.StatusBadRequest, "Invalid Resource", fmt.Sprintf("members must have between 1 and %d items, has %d.", mailchimpMost, n))
		return
	}
	moods := make([]behaviour, len(in.Members))
	for i, m := range in.Members {
		moods[i] = x.tempers.of(m.Email)
		switch moods[i] {
		case poison:
			x.problem(w, http.StatusBadRequest, "Invalid Resource", "The resource submitted could not be validated.")
			return
		case slow:
			wait(r, x.o.Slow)
		}
	}
	created, updated, errs := []map[string]any{}, []map[string]any{}, []map[string]any{}
	receipt := Receipt{Method: r.Method, Path: r.URL.Path, Op: "batch"}
	unlisted := 0
	seen := map[string]bool{}
	for i, m := range in.Members {
		h := mailchimpHash(m.Email)
		old := l.members[h]
		no := x.against(l, m, old, moods[i], r.URL.Query().Get("skip_merge_validation") == "true")
		code := "ERROR_GENERIC"
		switch {
		case moods[i] == unnamed:
			unlisted++
			continue
		case seen[h]:
			no = refusalOf{"x", "Skipped as duplicate.", ""}
		case no.title == "" && !slices.Contains(mailchimpStatuses, m.Status):
			no = refusalOf{"x", "Status is required.", "status"}
		case no.title == "" && old != nil && old.Status != "archived" && !in.UpdateExisting:
			no, code = refusalOf{"x", m.Email + " is already a list member, do you want to update? please provide update_existing:true in the request body", ""}, "ERROR_CONTACT_EXISTS"
		}
		seen[h] = true
		if no.title != "" {
			errs = append(errs, map[string]any{"email_address": m.Email, "error": no.detail, "error_code": code, "field": no.field, "field_message": ""})
			continue
		}
		now, isNew := x.apply(l, m)
		receipt.Rows = append(receipt.Rows, x.applied(now, m))
		if isNew {
			created = append(created, l.shown(now))
		} else {
			updated = append(updated, l.shown(now))
		}
	}
	x.counts.add("rows applied", len(receipt.Rows))
	if len(receipt.Rows) > 0 {
		x.receipt(receipt)
	}
	// Not in the order of the request: nothing may rely on it.
	slices.Reverse(created)
	writeJSON(w, http.StatusOK, map[string]any{
		"new_members": created, "updated_members": updated, "errors": errs,
		"total_created": len(created), "total_updated": len(updated), "error_count": len(errs) + unlisted,
	})
}

// segment adds addresses to a static segment and removes others; those that
// the audience doesn't have are ignored.
func (x *Mailchimp) segment(w http.ResponseWriter, r *http.Request, l *mailchimpList, id string, body []byte) {
	var in struct {
		Add    []string `json:"members_to_add"`
		Remove []string `json:"members_to_remove"`
	}
	if err := decode(body, &in); err != nil {
		x.problem(w, http.StatusBadRequest, "JSON Parse Error", "We encountered an unspecified JSON parsing error: "+err.Error())
		return
	}
	if len(in.Add) > mailchimpMost || len(in.Remove) > mailchimpMost {
		x.problem(w, http.StatusBadRequest, "Invalid Resource", fmt.Sprintf("A maximum of %d members can be sent.", mailchimpMost))
		return
	}
	members := l.segments[id]
	if members == nil {
		members = map[string]bool{}
		l.segments[id] = members
	}
	added, removed := []map[string]any{}, []map[string]any{}
	receive := func(op string, emails []string, change func(h string, m *MailchimpMember)) {
		receipt := Receipt{Method: r.Method, Path: r.URL.Path, Op: op, Target: id}
		for _, e := range emails {
			h := mailchimpHash(e)
			m := l.members[h]
			if m == nil || m.Status == "archived" {
				continue
			}
			change(h, m)
			receipt.Rows = append(receipt.Rows, x.applied(m, mailchimpInput{}))
		}
		x.counts.add("rows applied", len(receipt.Rows))
		if len(receipt.Rows) > 0 {
			x.receipt(receipt)
		}
	}
	receive("add_to_list", in.Add, func(h string, m *MailchimpMember) {
		if !members[h] {
			members[h] = true
			added = append(added, l.shown(m))
			x.counts.add("automations started", 1)
		}
	})
	receive("remove_from_list", in.Remove, func(h string, m *MailchimpMember) {
		if members[h] {
			delete(members, h)
			removed = append(removed, l.shown(m))
		}
	})
	writeJSON(w, http.StatusOK, map[string]any{
		"members_added": added, "members_removed": removed, "errors": []any{},
		"total_added": len(added), "total_removed": len(removed), "error_count": 0,
	})
}

// segments answers one segment, or all.
func (x *Mailchimp) segments(w http.ResponseWriter, l *mailchimpList, id string) {
	one := func(id string) map[string]any {
		var shown any = id
		if n, err := strconv.Atoi(id); err == nil {
			shown = n
		}
		return map[string]any{"id": shown, "name": "Stand-in " + id, "type": "static", "member_count": len(l.segments[id])}
	}
	if id != "" {
		writeJSON(w, http.StatusOK, one(id))
		return
	}
	all := []map[string]any{}
	for _, id := range slices.Sorted(maps.Keys(l.segments)) {
		all = append(all, one(id))
	}
	writeJSON(w, http.StatusOK, map[string]any{"segments": all, "total_items": len(all)})
}

// inSegment answers pages of a segment; contacts that get no campaigns are
// left out unless they are asked for.
func (x *Mailchimp) inSegment(w http.ResponseWriter, r *http.Request, l *mailchimpList, id string) {
	var hashes []string
	for _, h := range slices.Sorted(maps.Keys(l.segments[id])) {
		s := l.members[h].Status
		if s == "subscribed" || s == "pending" || strings.EqualFold(r.URL.Query().Get("include_"+s), "true") {
			hashes = append(hashes, h)
		}
	}
	x.page(w, r, l, hashes)
}
