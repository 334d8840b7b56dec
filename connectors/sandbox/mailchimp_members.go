package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// mailchimpInput is a contact as requests give it.
type mailchimpInput struct {
	Email       string                     `json:"email_address"`
	EmailType   string                     `json:"email_type"`
	Status      string                     `json:"status"`
	StatusIfNew string                     `json:"status_if_new"`
	MergeFields map[string]json.RawMessage `json:"merge_fields"`
	Language    string                     `json:"language"`
}

var mailchimpStatuses = []string{"subscribed", "unsubscribed", "cleaned", "pending", "transactional"}

// refusalOf is what the vendor says against one contact; "" if nothing.
type refusalOf struct{ title, detail, field string }

// against judges one contact by address, status and merge fields.
func (x *Mailchimp) against(l *mailchimpList, in mailchimpInput, m *MailchimpMember, mood behaviour, lenient bool) refusalOf {
	switch mood {
	case invalid:
		return refusalOf{"Invalid Resource", in.Email + " looks fake or invalid, please enter a real email address.", ""}
	case forgotten:
		return forgottenEmail(in.Email)
	case locked:
		return refusalOf{"Invalid Resource", in.Email + " has signed up to a lot of lists very recently; we're not allowing more signups for now", ""}
	}
	if l.forgotten[mailchimpHash(in.Email)] {
		return forgottenEmail(in.Email)
	}
	if m != nil && m.Compliance && in.Status == "subscribed" {
		return refusalOf{"Member In Compliance State", in.Email + " is in a compliance state due to unsubscribe, bounce, or compliance review and cannot be subscribed.", ""}
	}
	for _, tag := range x.required {
		given := in.MergeFields[tag]
		if given == nil && m != nil {
			given = m.MergeFields[tag]
		}
		if !lenient && (given == nil || string(given) == `""`) {
			return refusalOf{"Invalid Resource", "Your merge fields were invalid.", tag}
		}
	}
	return refusalOf{}
}

func forgottenEmail(email string) refusalOf {
	return refusalOf{"Forgotten Email Not Subscribed", email + " was permanently deleted and cannot be re-imported. The contact must re-subscribe to get back on the list.", ""}
}

// write is PUT and PATCH of one contact.
func (x *Mailchimp) write(w http.ResponseWriter, r *http.Request, l *mailchimpList, h string, body []byte) {
	var in mailchimpInput
	if err := decode(body, &in); err != nil {
		x.problem(w, http.StatusBadRequest, "JSON Parse Error", "We encountered an unspecified JSON parsing error: "+err.Error())
		return
	}
	m := l.members[h]
	switch {
	case m == nil && r.Method == http.MethodPatch:
		x.notFound(w)
		return
	case m == nil && (in.Email == "" || !slices.Contains(mailchimpStatuses, in.StatusIfNew)):
		x.problem(w, http.StatusBadRequest, "Invalid Resource", "The resource submitted could not be validated. For field-specific details, see the 'errors' array.",
			fieldProblem{"status_if_new", "Data presented is not one of the accepted values: subscribed, unsubscribed, cleaned, pending, transactional."})
		return
	case in.Email == "":
		in.Email = m.Email
	}
	if m == nil && mailchimpHash(in.Email) != h {
		x.problem(w, http.StatusBadRequest, "Invalid Resource", "The subscriber hash is not that of the email address.")
		return
	}
	mood := x.tempers.of(in.Email)
	if mood == poison || mood == unnamed {
		x.problem(w, http.StatusBadRequest, "Bad Request", "The request could not be processed.")
		return
	}
	if mood == slow {
		wait(r, x.o.Slow)
	}
	if no := x.against(l, in, m, mood, r.URL.Query().Get("skip_merge_validation") == "true"); no.title != "" {
		var errs []fieldProblem
		if no.field != "" {
			errs = append(errs, fieldProblem{no.field, "Please enter a value"})
		}
		x.problem(w, http.StatusBadRequest, no.title, no.detail, errs...)
		return
	}
	m, _ = x.apply(l, in)
	x.counts.add("rows applied", 1)
	x.receipt(Receipt{Method: r.Method, Path: r.URL.Path, Op: strings.ToLower(r.Method), Rows: []Applied{x.applied(m, in)}})
	writeJSON(w, http.StatusOK, l.shown(m))
}

// apply writes one contact. Without a status an existing one keeps its own,
// archived ones too; with one it comes back.
func (x *Mailchimp) apply(l *mailchimpList, in mailchimpInput) (*MailchimpMember, bool) {
	h := mailchimpHash(in.Email)
	m, status := l.members[h], in.Status
	isNew := m == nil
	if isNew {
		m = &MailchimpMember{ID: h, ContactID: "standin_" + h, Email: in.Email, MergeFields: map[string]json.RawMessage{}}
		l.members[h] = m
		if status == "" {
			status = in.StatusIfNew
		}
	}
	if status != "" && status != m.Status {
		if !isNew {
			x.counts.add("subscription statuses changed", 1)
		}
		switch status {
		case "subscribed":
			x.counts.add("welcome automations started", 1)
		case "pending":
			x.counts.add("confirmation mails sent", 1)
		}
		m.Status = status
	}
	for tag, v := range in.MergeFields {
		if strings.HasPrefix(tag, "MISSING") {
			continue
		}
		l.tags[tag] = true
		m.MergeFields[tag] = bytes.Clone(v)
	}
	return m, isNew
}

func (x *Mailchimp) applied(m *MailchimpMember, in mailchimpInput) Applied {
	fields := make(map[string]any, len(in.MergeFields))
	for k, v := range in.MergeFields {
		fields[k] = v
	}
	return Applied{ID: m.ID, Match: map[string]string{"email": strings.ToLower(m.Email)}, Fields: fields}
}

// shown is a contact as answers show it: all merge fields of the audience.
func (l *mailchimpList) shown(m *MailchimpMember) map[string]any {
	fields := map[string]any{}
	for tag := range l.tags {
		fields[tag] = ""
	}
	for tag, v := range m.MergeFields {
		fields[tag] = v
	}
	return map[string]any{
		"id": m.ID, "contact_id": m.ContactID, "email_address": m.Email, "status": m.Status, "merge_fields": fields,
		"tags_count": len(m.Tags), "vip": false, "member_rating": 2,
	}
}

func (l *mailchimpList) count(status string) int {
	n := 0
	for _, m := range l.members {
		if m.Status == status {
			n++
		}
	}
	return n
}

// remove archives one contact, or erases it for good.
func (x *Mailchimp) remove(w http.ResponseWriter, r *http.Request, l *mailchimpList, h string) {
	m := l.members[h]
	op := "archive"
	switch {
	case m == nil:
		x.notFound(w)
		return
	case r.Method == http.MethodPost:
		op = "erase"
		delete(l.members, h)
		l.forgotten[h] = true
	case m.Status == "archived":
		x.problem(w, http.StatusMethodNotAllowed, "Method Not Allowed", "This list member cannot be removed. Please contact support.")
		return
	default:
		m.Status = "archived"
	}
	for _, hashes := range l.segments {
		delete(hashes, h)
	}
	x.counts.add("rows applied", 1)
	x.receipt(Receipt{Method: r.Method, Path: r.URL.Path, Op: op, Rows: []Applied{x.applied(m, mailchimpInput{})}})
	w.WriteHeader(http.StatusNoContent)
}

// tag puts tags on one contact or takes them off.
func (x *Mailchimp) tag(w http.ResponseWriter, r *http.Request, l *mailchimpList, h string, body []byte) {
	var in struct {
		Tags []struct {
			Name   string `json:"name"`
			Status string `json:"status"`
		} `json:"tags"`
		IsSyncing bool `json:"is_syncing"`
	}
	if err := decode(body, &in); err != nil || len(in.Tags) == 0 {
		x.problem(w, http.StatusBadRequest, "Invalid Resource", "The resource submitted could not be validated.", fieldProblem{"tags", "This value should not be blank."})
		return
	}
	m := l.members[h]
	if m == nil {
		x.notFound(w)
		return
	}
	for _, t := range in.Tags {
		has := slices.Contains(m.Tags, t.Name)
		switch {
		case t.Status == "active" && !has:
			m.Tags = append(m.Tags, t.Name)
		case t.Status == "inactive" && has:
			m.Tags = slices.DeleteFunc(m.Tags, func(n string) bool { return n == t.Name })
		case t.Status != "active" && t.Status != "inactive":
			x.problem(w, http.StatusBadRequest, "Invalid Resource", "The resource submitted could not be validated.", fieldProblem{"tags.status", "Data presented is not one of the accepted values: inactive, active."})
			return
		default:
			continue
		}
		if !in.IsSyncing {
			x.counts.add("automations started", 1)
		}
	}
	x.counts.add("rows applied", 1)
	x.receipt(Receipt{Method: r.Method, Path: r.URL.Path, Op: "tag", Target: in.Tags[0].Name, Rows: []Applied{x.applied(m, mailchimpInput{})}})
	w.WriteHeader(http.StatusNoContent)
}

// members answers one contact, or pages of those that aren't archived.
func (x *Mailchimp) members(w http.ResponseWriter, r *http.Request, l *mailchimpList, h string) {
	if h != "" {
		m := l.members[h]
		if m == nil {
			x.notFound(w)
			return
		}
		writeJSON(w, http.StatusOK, l.shown(m))
		return
	}
	status := r.URL.Query().Get("status")
	var hashes []string
	for _, h := range slices.Sorted(maps.Keys(l.members)) {
		if s := l.members[h].Status; (status == "" && s != "archived") || s == status {
			hashes = append(hashes, h)
		}
	}
	x.page(w, r, l, hashes)
}

// page answers a part of contacts, 10 unless more are asked for, at most 1000.
func (x *Mailchimp) page(w http.ResponseWriter, r *http.Request, l *mailchimpList, hashes []string) {
	count, offset := 10, 0
	for name, into := range map[string]*int{"count": &count, "offset": &offset} {
		if v := r.URL.Query().Get(name); v != "" {
			if _, err := fmt.Sscan(v, into); err != nil || *into < 0 || (name == "count" && *into > 1000) {
				x.problem(w, http.StatusBadRequest, "Invalid Resource", name+" is out of range")
				return
			}
		}
	}
	shown := []map[string]any{}
	for _, h := range hashes[min(offset, len(hashes)):min(offset+count, len(hashes))] {
		shown = append(shown, l.shown(l.members[h]))
	}
	writeJSON(w, http.StatusOK, map[string]any{"members": shown, "total_items": len(hashes)})
}

func (x *Mailchimp) mergeFields(w http.ResponseWriter, l *mailchimpList) {
	fields := []map[string]any{}
	for i, tag := range slices.Sorted(maps.Keys(l.tags)) {
		fields = append(fields, map[string]any{"merge_id": i + 1, "tag": tag, "name": tag, "type": "text", "required": slices.Contains(x.required, tag)})
	}
	writeJSON(w, http.StatusOK, map[string]any{"merge_fields": fields, "total_items": len(fields)})
}
