package sandbox

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
)

// FaultKind names what goes wrong.
type FaultKind string

// The faults that a vendor, or a box before it, can cause. Those of the
// network itself (refused, DNS, certificates) are made by whoever connects.
const (
	TooManySeconds FaultKind = "too_many_seconds" // 429, Retry-After in seconds
	TooManyDate    FaultKind = "too_many_date"    // 429, Retry-After as a date
	TooManyVendor  FaultKind = "too_many_vendor"  // 429 in the vendor's own way
	Unauthorized   FaultKind = "unauthorized"
	Forbidden      FaultKind = "forbidden"
	ServerError    FaultKind = "server_error" // 500, or Status
	Unavailable    FaultKind = "unavailable"  // 503
	ResetBefore    FaultKind = "reset_before" // the vendor never sees it
	ResetAfter     FaultKind = "reset_after"  // it applied it
	Hang           FaultKind = "hang"         // no answer until the caller gives up
	Drip           FaultKind = "drip"         // the answer byte by byte, never ending
	Truncated      FaultKind = "truncated"
	Garbage        FaultKind = "garbage"
	HTMLPage       FaultKind = "html" // 200 with a page
	ErrorInside    FaultKind = "error_inside"
	EmptyAnswer    FaultKind = "empty"
	Oversize       FaultKind = "oversize"
	GzipBomb       FaultKind = "gzip_bomb"
	Redirect       FaultKind = "redirect"
	Twice          FaultKind = "twice" // a box on the way delivers it twice
)

// Fault is one fault on demand.
type Fault struct {
	Kind FaultKind `json:"kind"`
	// Times it happens; 0: once.
	Times int `json:"times,omitempty"`
	// Applied: the vendor applies the request although the answer is lost or
	// replaced. ResetAfter and Twice imply it.
	Applied bool `json:"applied,omitempty"`
	// Method and Path (contained) pick requests; empty: all.
	Method string `json:"method,omitempty"`
	Path   string `json:"path,omitempty"`
	// Status of ServerError; Location of Redirect; Seconds of TooMany…; Bytes of
	// Oversize, 0: 9 MB, and of what a GzipBomb unpacks to, 0: 16 MB.
	Status   int    `json:"status,omitempty"`
	Location string `json:"location,omitempty"`
	Seconds  int    `json:"seconds,omitempty"`
	Bytes    int    `json:"bytes,omitempty"`
}

// Faults is the list of a stand-in's faults, off by default.
type Faults struct {
	now  func() time.Time
	mu   sync.Mutex
	list []Fault
	hits int
}

// Add sets a fault.
func (f *Faults) Add(x Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if x.Times == 0 {
		x.Times = 1
	}
	f.list = append(f.list, x)
}

// Clear removes all.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = nil
}

func (f *Faults) hit() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hits++
}

// Hits counts faults that happened; one that applies the request first counts
// once it did.
func (f *Faults) Hits() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hits
}

// take finds the first fault for a request and uses it up.
func (f *Faults) take(r *http.Request) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.list {
		x := &f.list[i]
		if x.Times <= 0 || (x.Method != "" && x.Method != r.Method) || !strings.Contains(r.URL.Path, x.Path) {
			continue
		}
		x.Times--
		return *x, true
	}
	return Fault{}, false
}

// serve is /_standin/faults.
func (f *Faults) serve(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
		var x Fault
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&x); err != nil || x.Kind == "" {
			writeJSON(w, http.StatusBadRequest, map[string]string{"error": `send a fault such as {"kind":"reset_after","times":1}`})
			return
		}
		f.Add(x)
	case http.MethodDelete:
		f.Clear()
	}
	f.mu.Lock()
	list := append([]Fault{}, f.list...)
	f.mu.Unlock()
	writeJSON(w, http.StatusOK, list)
}
