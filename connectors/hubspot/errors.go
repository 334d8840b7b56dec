package hubspot

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/tailrace/tailrace/connectors"
)

// statusMigrating is HubSpot's own: the account is moved between data centres.
const statusMigrating = 477

type problem struct {
	batchError
	PolicyName string `json:"policyName"`
	ErrorType  string `json:"errorType"`
}

// verdict asks HubSpot's own table before the general one.
func (w *Writer) verdict(err error) error {
	var h *connectors.HTTPError
	if !errors.As(err, &h) {
		return err
	}
	var p problem
	// A body that isn't HubSpot's leaves p empty: then the status decides.
	_ = json.Unmarshal(h.Body, &p)
	now := w.env.Now()
	wait, told := connectors.RetryAfter(h.Header, now)
	switch {
	case h.Status == http.StatusTooManyRequests && p.PolicyName == "DAILY":
		return &connectors.CallError{Do: connectors.Wait, Wait: w.untilMidnight(now), Scope: connectors.ScopeAccount,
			Code: "DAILY", Words: p.Message, Err: h}
	case h.Status == http.StatusTooManyRequests:
		if !told {
			wait = interval(h.Header)
		}
		return &connectors.CallError{Do: connectors.Wait, Wait: wait, Scope: connectors.ScopeAccount, Code: "RATE_LIMIT", Words: p.Message, Err: h}
	case h.Status == statusMigrating:
		if !told {
			wait = time.Hour
		}
		return &connectors.CallError{Do: connectors.Wait, Wait: wait, Scope: connectors.ScopeAccount, Code: "MIGRATING", Words: "the account is being migrated", Err: h}
	case h.Status == http.StatusConflict && p.Category != "":
		return &connectors.CallError{Do: connectors.Split, Code: connectors.CodeExists, Words: p.Message, Err: &named{p.batchError, h}}
	case (h.Status == http.StatusBadRequest || h.Status == http.StatusUnprocessableEntity) && p.Category != "":
		return &connectors.CallError{Do: connectors.Split, Code: p.Category, Words: p.Message, Err: &named{p.batchError, h}}
	}
	return err
}

// named carries a refusal's body to where the rows are known.
type named struct {
	body batchError
	err  error
}

func (n *named) Error() string { return n.err.Error() }
func (n *named) Unwrap() error { return n.err }

// nameRows fills in which rows a refusal of the whole batch names.
func nameRows(err error, b connectors.Batch) error {
	var c *connectors.CallError
	var n *named
	if errors.As(err, &c) && errors.As(err, &n) {
		c.Rows = newFinder(b).named(n.body)
	}
	return err
}

// interval is the window of the ten-secondly limit, when the header gives it.
func interval(h http.Header) time.Duration {
	ms, err := strconv.Atoi(h.Get("X-HubSpot-RateLimit-Interval-Milliseconds"))
	if err != nil || ms <= 0 {
		return 10 * time.Second
	}
	return time.Duration(ms) * time.Millisecond
}

// untilMidnight: the daily limit starts again at the account's midnight.
func (w *Writer) untilMidnight(now time.Time) time.Duration {
	local := now.In(w.zone)
	midnight := time.Date(local.Year(), local.Month(), local.Day()+1, 0, 0, 0, 0, w.zone)
	return midnight.Sub(local)
}
