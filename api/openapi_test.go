package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write docs/openapi.json")

const document = "../docs/openapi.json"

// TestOpenAPI holds docs/openapi.json against the Go types; `go generate ./api` writes it.
func TestOpenAPI(t *testing.T) {
	b := setup(t)
	raw, err := json.Marshal(b.server.OpenAPI())
	require.NoError(t, err)
	var want bytes.Buffer
	require.NoError(t, json.Indent(&want, raw, "", "  "))
	want.WriteByte('\n')
	if *update {
		require.NoError(t, os.WriteFile(document, want.Bytes(), 0o644))
	}
	got, err := os.ReadFile(document)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want.Bytes(), got), "docs/openapi.json is not what the types say: run go generate ./api")
	doc, err := openapi3.NewLoader().LoadFromData(got)
	require.NoError(t, err)
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			require.NotEmpty(t, op.OperationID, "%s %s", method, path)
			require.NotEmpty(t, op.Summary, "%s %s", method, path)
			require.NotEmpty(t, op.Tags, "%s %s", method, path)
		}
	}
}
