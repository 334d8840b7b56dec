package connectors

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// MaxRetryAfter caps what a vendor may ask us to wait.
const MaxRetryAfter = 24 * time.Hour

// classify turns what a Writer returned into what the engine does: the
// vendor's own verdict first, else the general table (connectors.md §1.4).
func classify(err error, class Class, now time.Time) *CallError {
	var call *CallError
	if errors.As(err, &call) {
		c := *call
		c.Wait = min(max(c.Wait, 0), MaxRetryAfter)
		return &c
	}
	var guard *GuardError
	var encode *EncodeError
	var transport *TransportError
	var answer *AnswerError
	var status *HTTPError
	switch {
	case errors.As(err, &guard):
		return &CallError{Do: Stop, Scope: ScopeAccount, Code: "address_refused", Words: guard.Error(), Err: err}
	case errors.As(err, &encode):
		return &CallError{Do: Stop, Scope: ScopeBatch, Code: "encoding", Words: encode.Error(), Err: err}
	case errors.As(err, &status):
		return classifyStatus(status, class, now)
	case errors.As(err, &answer):
		return &CallError{Do: unlessRead(answer.Reads), Code: "answer", Words: answer.Reason, Err: err}
	case errors.As(err, &transport):
		return classifyTransport(transport)
	}
	return &CallError{Do: FindOut, Code: "internal", Err: err}
}

// unlessRead: a read that failed changed nothing, so the batch just waits.
func unlessRead(reads bool) Do {
	if reads {
		return Wait
	}
	return FindOut
}

func classifyTransport(e *TransportError) *CallError {
	if isTLS(e) {
		return &CallError{Do: Stop, Scope: ScopeAccount, Code: "tls", Words: e.Error(), Err: e, MaybeApplied: e.Wrote && !e.Reads}
	}
	code := "unreachable"
	var dns *net.DNSError
	switch {
	case errors.Is(e, context.DeadlineExceeded) || isTimeout(e):
		code = "timeout"
	case errors.Is(e, context.Canceled):
		code = "cancelled"
	case errors.As(error(e), &dns):
		code = "dns"
	}
	if !e.Wrote || e.Reads {
		return &CallError{Do: Wait, Scope: ScopeVendor, Code: code, Words: e.Error(), Err: e}
	}
	return &CallError{Do: FindOut, Code: code, Words: e.Error(), Err: e}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

func isTLS(err error) bool {
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var unknownAuthority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &verification) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.As(err, &unknownAuthority) || errors.As(err, &hostname) || errors.As(err, &invalid)
}

func classifyStatus(e *HTTPError, class Class, now time.Time) *CallError {
	c := &CallError{Code: strconv.Itoa(e.Status), Words: bodyWords(e.Body), Err: e}
	wait, _ := RetryAfter(e.Header, now)
	switch {
	case e.Status >= 300 && e.Status < 400:
		c.Do, c.Scope, c.MaybeApplied = Stop, ScopeTarget, !e.Reads
		c.Words = "the address moved"
		if u, err := url.Parse(e.Header.Get("Location")); err == nil && u.Host != "" {
			c.Words += " to " + u.Host
		}
	case e.Status == http.StatusUnauthorized:
		c.Do, c.Scope = Stop, ScopeCredential
	case e.Status == http.StatusForbidden:
		c.Do, c.Scope = Stop, ScopeCredential
	case e.Status == http.StatusNotFound || e.Status == http.StatusGone:
		c.Do, c.Scope = Stop, ScopeTarget
	case e.Status == http.StatusTooManyRequests:
		c.Do, c.Scope, c.Wait = Wait, ScopeAccount, wait
	case e.Status == http.StatusServiceUnavailable && class == ClassA:
		c.Do, c.Scope, c.Wait = Wait, ScopeVendor, wait
	case e.Reads:
		c.Do, c.Scope, c.Wait = Wait, ScopeVendor, wait
	case e.Status == http.StatusBadRequest || e.Status == http.StatusRequestEntityTooLarge ||
		e.Status == http.StatusRequestURITooLong || e.Status == http.StatusUnprocessableEntity:
		c.Do = Split
	default:
		c.Do, c.Wait = FindOut, wait
	}
	return c
}

// RetryAfter reads the header, in seconds or as a date, capped at 24 h.
func RetryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0, false
	}
	if s, err := strconv.ParseFloat(v, 64); err == nil && s >= 0 {
		if s > MaxRetryAfter.Seconds() {
			return MaxRetryAfter, true
		}
		return time.Duration(s * float64(time.Second)), true
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(at.Sub(now), 0), MaxRetryAfter), true
	}
	return 0, false
}

// Backoff is how long to wait before attempt n (from 1) when the vendor
// doesn't say: exponential with full jitter, from one second up to five
// minutes. random is any random number.
func Backoff(n int, random uint64) time.Duration {
	ceiling := 5 * time.Minute
	if n < 9 {
		ceiling = min(ceiling, time.Second<<max(n-1, 0))
	}
	return time.Duration(random % uint64(ceiling+1))
}

// bodyWords finds the vendor's words in an error's body.
func bodyWords(body []byte) string {
	if LooksLikeHTML(body) {
		return "an HTML page"
	}
	var m map[string]any
	if json.Unmarshal(body, &m) == nil {
		for _, k := range []string{"message", "error_description", "detail", "title", "error", "words"} {
			if s, ok := m[k].(string); ok && s != "" {
				return s
			}
		}
	}
	return string(body)
}
