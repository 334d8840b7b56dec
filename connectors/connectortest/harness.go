package connectortest

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/connectors/sandbox"
)

// Harness is what the kit needs to know of a connector.
type Harness struct {
	Connector connectors.Connector
	// Settings of a destination file, without base_url; secrets wrapped.
	Settings map[string]any
	// Secrets is how many secrets the config holds.
	Secrets int
	Standin func(sandbox.Options) Model
	Cases   []Case
	// Spec is the vendor's description below the specs folder; empty: none exists.
	Spec string
	// CheckRequest holds each request against a description that isn't OpenAPI;
	// nil: there is none, or it is in Spec.
	CheckRequest func(r *http.Request, body []byte) error
	// Identify makes a row's identifiers of a plain address, where the vendor
	// doesn't take it as it is; nil: it is the identifier "email".
	Identify func(email string) map[string]string
	// SpecExceptions are requests that the description lacks ("GET /path"),
	// with the reason.
	SpecExceptions map[string]string
	Golden         []Golden
	// Results are where an answer holds one result per row: names of arrays, or
	// "" for an answer that is itself the one row's; nil: "results".
	Results []string
	// Counted is the number in an answer that counts the rows taken, at a vendor
	// that names only those it refuses; "": each row has a result.
	Counted string
	// Stored is how the vendor keeps a value, as text.
	Stored func(connectors.Value) string
	// BadFiles is the folder of *.bad.yml files.
	BadFiles string
}

// Model is a stand-in with the questions that the kit asks of it.
type Model interface {
	http.Handler
	Faults() *sandbox.Faults
	// Holds reports whether the row's effect is there: written with its
	// fields, or gone where the action removes.
	Holds(b connectors.Batch, r connectors.Row) bool
	// Field is what is stored of one field.
	Field(b connectors.Batch, r connectors.Row, name string) (string, bool)
}

// Case is one action of one object.
type Case struct {
	Object, Target string
	Action         connectors.Action
	// Changes is part of the path of the request that changes state, Reads of
	// the reads before it, if there are any.
	Changes, Reads string
	// Prepare makes the stand-in hold what the action needs and returns the
	// rows with what was acknowledged; nil: nothing is needed.
	Prepare func(t testing.TB, d *connectors.Destination, rows []connectors.Row) []connectors.Row
	// Erase: the requests erase for good.
	Erase bool
	// RowErrors: the vendor can refuse single rows of this action.
	RowErrors bool
	// Unnamed: the vendor refuses single rows, but only counts them.
	Unnamed bool
	// EmptyAccepts: the vendor documents that an empty 2xx takes all rows.
	EmptyAccepts bool
	// DropTarget deletes the target at the vendor; nil: there is none.
	DropTarget func(m Model, target string)
}

func (c Case) name() string {
	if c.Erase {
		return c.Object + "_erase"
	}
	return c.Object + "_" + string(c.Action)
}

// Golden is one entry of the requests that the vendor's SDK was recorded with.
type Golden struct {
	Entry int
	Batch connectors.Batch
	// Differ changes the recorded body to what we send on purpose; Reason says why.
	Differ func(body map[string]any)
	// Request does the same with path and headers.
	Request func(r *Recorded)
	Reason  string
}

// Recorded is one request of a vendor's SDK.
type Recorded struct {
	SDK     string            `json:"sdk"`
	Host    string            `json:"host"`
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"` // names in lower case
	JSON    any               `json:"json"`
}

// check is one named check; it returns what is wrong.
type check struct {
	name string
	run  func(t testing.TB, h Harness) []string
}

var checks = []check{
	{"definition_complete", definitionComplete},
	{"config_required", configRequired},
	{"config_bad_files", configBadFiles},
	{"secrets_counted", secretsCounted},
	{"secrets_by_reference", secretsByReference},
	{"open_is_pure", openIsPure},
	{"base_url_honoured", baseURLHonoured},
	{"golden", golden},
	{"limits_exact_and_fewest_requests", limitsExact},
	{"nulls_types_text", nullsTypesText},
	{"removal_uses_sent", removalUsesSent},
	{"duplicate_keys_in_batch", duplicatesInBatch},
	{"partial_named", partialNamed},
	{"partial_unnamed", partialUnnamed},
	{"wrong_count", wrongCount},
	{"already_there", repeatSameState},
	{"target_gone", targetGone},
	{"no_lie_under_fault", noLieUnderFault},
	{"no_lie_when_reading_fails", noLieWhenReadingFails},
	{"unreachable", unreachable},
	{"redirect_not_followed", redirectNotFollowed},
	{"no_early_retry", noEarlyRetry},
	{"split_finds_poison", splitFindsPoison},
	{"cancel_is_prompt", cancelIsPrompt},
	{"concurrent_use", concurrentUse},
	{"secrets_never_leave", secretsNeverLeave},
	{"ssrf", ssrf},
}

// Run runs the whole kit.
func Run(t *testing.T, h Harness) {
	t.Helper()
	require.NotEmpty(t, h.Cases)
	if h.Spec != "" && specs() != "" {
		router(t, h.Spec) // so that a description that can't be read fails here
	}
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			problems := c.run(t, h)
			require.Empty(t, problems, strings.Join(problems, "\n"))
		})
	}
	t.Run("harness_catches", func(t *testing.T) {
		t.Parallel()
		harnessCatches(t, h)
	})
}

// Low limits of bytes of a request and of an answer: above what a few rows need.
const (
	lowBody   = 128 << 10
	lowAnswer = 64 << 10
)

// lowered is the harness with no limit above what is given, since large bodies
// are slow under the race detector. Who takes the connector's own limits
// elsewhere loses nothing: the code is the same.
func (h Harness) lowered(body int, answer int64) Harness {
	h.Connector.Objects = lower(h.Connector.Objects, body, answer)
	if adjust := h.Connector.Adjust; adjust != nil { // the settings decide about limits too
		h.Connector.Adjust = func(c connectors.Connector, cfg any) connectors.Connector {
			c = adjust(c, cfg)
			c.Objects = lower(c.Objects, body, answer)
			return c
		}
	}
	return h
}

func lower(objects []connectors.Object, body int, answer int64) []connectors.Object {
	objects = slices.Clone(objects)
	for i := range objects {
		objects[i].Actions = maps.Clone(objects[i].Actions)
		for action, spec := range objects[i].Actions {
			if spec.Limits.BodyBytes > 0 {
				spec.Limits.BodyBytes = min(spec.Limits.BodyBytes, body)
			}
			if spec.Limits.AnswerBytes == 0 || spec.Limits.AnswerBytes > answer {
				spec.Limits.AnswerBytes = answer
			}
			objects[i].Actions[action] = spec
		}
	}
	return objects
}

// everyCase runs a check on each case of a harness.
func everyCase(run func(t testing.TB, h Harness, c Case, p *problems)) func(testing.TB, Harness) []string {
	return func(t testing.TB, h Harness) []string {
		p := &problems{}
		for _, c := range h.Cases {
			p.at = c.name()
			run(t, h, c, p)
		}
		return p.list
	}
}

func encode(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

func background() context.Context { return context.Background() }
