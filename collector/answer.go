package collector

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// maxListed is how many set-aside events an answer describes.
const maxListed = 10

var plainSuccess = []byte("{\"success\":true}\n")

// success is the answer to a request of which some events were set aside.
type success struct {
	Success  bool        `json:"success"`
	Accepted int         `json:"accepted"`
	Rejected int         `json:"rejected"`
	Events   []rejection `json:"rejected_events"`
}

type rejection struct {
	Index   int    `json:"index"`
	Reason  string `json:"reason"`
	Rule    string `json:"rule"`
	Pointer string `json:"pointer,omitempty"`
}

func succeed(w http.ResponseWriter, events []event, rejected int) int {
	header := w.Header()
	header["Content-Type"] = []string{"application/json"}
	if rejected == 0 {
		write(w, http.StatusOK, plainSuccess)
		return http.StatusOK
	}
	answer := success{Success: true, Accepted: len(events) - rejected, Rejected: rejected}
	for i := range events {
		if e := &events[i]; e.rejected && len(answer.Events) < maxListed {
			answer.Events = append(answer.Events, rejection{i, e.reason, e.rule, e.pointer})
		}
	}
	writeJSON(w, http.StatusOK, answer)
	return http.StatusOK
}

// problem is an RFC 9457 problem document, with Segment's success beside it.
type problem struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	Status  int    `json:"status"`
	Detail  string `json:"detail"`
	Success bool   `json:"success"`
}

func refuse(w http.ResponseWriter, status int, detail string) int {
	w.Header()["Content-Type"] = []string{"application/problem+json"}
	writeJSON(w, status, problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail})
	return status
}

// retryAfter is long enough for a block to be loaded, and short enough that a
// browser page is likely to be there still.
const retryAfter = 10

func busy(w http.ResponseWriter, status int, detail string) int {
	w.Header()["Retry-After"] = []string{strconv.Itoa(retryAfter)}
	return refuse(w, status, detail)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"success":false}`)
	}
	write(w, status, append(b, '\n'))
}

// write ignores what Write returns: the client is gone then, and its events are
// safe or it was told nothing.
func write(w http.ResponseWriter, status int, b []byte) {
	w.WriteHeader(status)
	_, _ = w.Write(b)
}
