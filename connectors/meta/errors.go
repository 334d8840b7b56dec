package meta

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tailrace/tailrace/connectors"
)

// problem is the body of Meta's errors.
type problem struct {
	Error *problemInner `json:"error"`
}

type problemInner struct {
	Message   string `json:"message"`
	Code      int    `json:"code"`
	Subcode   int    `json:"error_subcode"`
	UserTitle string `json:"error_user_title"`
	UserWords string `json:"error_user_msg"`
	Transient bool   `json:"is_transient"`
}

// words are what Meta wrote for people, else its message.
func (p problemInner) words() string {
	switch {
	case p.UserTitle != "" && p.UserWords != "":
		return p.UserTitle + ": " + p.UserWords
	case p.UserWords != "":
		return p.UserWords
	}
	return p.Message
}

func (p problemInner) says(text string) bool {
	return strings.Contains(strings.ToLower(p.Message+" "+p.UserTitle+" "+p.UserWords), text)
}

// code is Meta's code, with its subcode.
func (p problemInner) code() string {
	if p.Subcode == 0 {
		return strconv.Itoa(p.Code)
	}
	return strconv.Itoa(p.Code) + "/" + strconv.Itoa(p.Subcode)
}

// ownTable asks Meta's own table before the general one.
func ownTable(err error) error {
	var h *connectors.HTTPError
	if !errors.As(err, &h) {
		return err
	}
	var p problem
	if json.Unmarshal(h.Body, &p) != nil || p.Error == nil || p.Error.Code == 0 {
		return err // not Meta's shape: the status decides
	}
	return verdict(*p.Error, h.Header, err)
}

// codeTooSmall is the code of removals refused as too few people would stay.
const codeTooSmall = "audience_too_small"

// throttleWait is how long to wait where Meta doesn't say; access comes back
// in minutes.
const throttleWait = time.Minute

// verdict reads Meta's table: almost all errors come with status 400, so the
// code says what to do. What it doesn't know is left to the general table.
func verdict(p problemInner, header http.Header, cause error) error {
	e := &connectors.CallError{Code: p.code(), Words: p.words(), Err: cause}
	stop := func(s connectors.Scope) error {
		e.Do, e.Scope = connectors.Stop, s
		return e
	}
	switch {
	case p.Code == 4, p.Code == 17, p.Code == 32, p.Code == 613, p.Code >= 80000 && p.Code <= 80014: // too many calls
		e.Do, e.Scope, e.Wait = connectors.Wait, connectors.ScopeAccount, throttleWait
		if told, ok := regainAccess(header); ok {
			e.Wait = told
		}
		return e
	case p.Code == 1, p.Code == 2: // unknown error, service temporarily away
		e.Do = connectors.FindOut
		return e
	case p.Code == 190, p.Code == 102: // the token
		return stop(connectors.ScopeCredential)
	case p.Code == 2655, p.says("terms not accepted"), p.says("terms of service"):
		return stop(connectors.ScopeAccount)
	case p.Code == 10, p.Code >= 200 && p.Code <= 299: // rights
		return stop(connectors.ScopeCredential)
	case p.Code == 368: // blocked for a while for breaking policies
		return stop(connectors.ScopeAccount)
	case p.Code == 100 && p.Subcode == 33, p.Code == 803: // no such audience
		return stop(connectors.ScopeTarget)
	case p.Code == 100 && p.Subcode == 1713230: // the audience is flagged
		return stop(connectors.ScopeTarget)
	case p.Code == 2650: // made from another kind of data
		return stop(connectors.ScopeTarget)
	case p.says("audience size too low"):
		// Only these removals are refused: their rows stay in the ledger as what
		// Meta holds, additions go on, and the next run asks again.
		e.Code, e.Words = codeTooSmall, "Meta takes nobody out of an audience that would keep too few people. The next run tries again: "+
			"let the audience grow, or delete it in Ads Manager ("+p.words()+")"
		return stop(connectors.ScopeBatch)
	case p.Code == 100:
		e.Do = connectors.Split
		return e
	case p.Transient:
		e.Do = connectors.FindOut
		return e
	}
	return cause
}

// regainAccess is the longest of the waits that the header names, in minutes.
func regainAccess(h http.Header) (time.Duration, bool) {
	var usage map[string][]struct {
		Minutes float64 `json:"estimated_time_to_regain_access"`
	}
	if json.Unmarshal([]byte(h.Get("X-Business-Use-Case-Usage")), &usage) != nil {
		return 0, false
	}
	most := 0.0
	for _, cases := range usage {
		for _, c := range cases {
			most = max(most, c.Minutes)
		}
	}
	return min(time.Duration(most*float64(time.Minute)), connectors.MaxRetryAfter), most > 0
}
