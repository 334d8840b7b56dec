package syncs

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/connectors"
	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

// normaliserCase is a text and what leaves for it; ” where it is refused.
type normaliserCase struct {
	Normaliser string          `json:"normaliser"`
	Form       connectors.Form `json:"form"`
	Input      string          `json:"input"`
	Want       string          `json:"want"`
}

// normalised runs all cases through the engine in one query.
func normalised(t *testing.T, cases []normaliserCase) {
	t.Helper()
	db := warehousetest.Open(t)
	var values, branches []string
	seen := map[string]bool{}
	for _, c := range cases {
		id := c.Normaliser + " " + string(c.Form)
		values = append(values, "("+quote(id)+", "+quote(c.Input)+")")
		if seen[id] {
			continue
		}
		seen[id] = true
		sql, err := identifierSQL(connectors.Identifier{Normaliser: c.Normaliser, Form: c.Form}, "x")
		require.NoError(t, err)
		branches = append(branches, "r = "+quote(id), sql)
	}
	var got []string
	err := db.Select(t.Context(), &got, "SELECT multiIf("+strings.Join(branches, ", ")+", 'no rule') FROM (SELECT r, x, rowNumberInAllBlocks() AS n FROM values('r String, x String', "+
		strings.Join(values, ", ")+")) ORDER BY n")
	require.NoError(t, err)
	require.Len(t, got, len(cases))
	for i, c := range cases {
		require.Equal(t, c.Want, got[i], "%s of %q", c.Normaliser, c.Input)
	}
}

func TestNormalisers(t *testing.T) {
	t.Parallel()
	var cases []normaliserCase
	raw, err := os.ReadFile("testdata/normalised.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &cases))
	for i := range cases {
		if text, ok := strings.CutPrefix(cases[i].Want, "sha256:"); ok {
			sum := sha256.Sum256([]byte(text))
			cases[i].Want = hex.EncodeToString(sum[:])
		} else if text, ok := strings.CutPrefix(cases[i].Want, "base64:"); ok {
			sum := sha256.Sum256([]byte(text))
			cases[i].Want = base64.StdEncoding.EncodeToString(sum[:])
		}
	}
	normalised(t, cases)
	_, err = identifierSQL(connectors.Identifier{Normaliser: "meta.shoe_size"}, "x")
	require.ErrorContains(t, err, `"meta.shoe_size"`)
}

// vectors reads a file of a vendor's own answers; it skips where it isn't there.
func vectors(t *testing.T, vendor string, into any) {
	t.Helper()
	dir := os.Getenv("TAILRACE_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "specs", vendor, "normalisation-vectors.json"))
	if os.IsNotExist(err) {
		t.Skip("the vendors' answers are not beside the repository; set TAILRACE_SHARED")
	}
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, into))
}

func TestMetasOwnAnswers(t *testing.T) {
	t.Parallel()
	var file struct {
		Cases []struct{ Field, Input, SHA256 string }
	}
	vectors(t, "meta", &file)
	names := map[string]string{"em": "email", "ph": "phone", "fn": "first_name", "ln": "last_name", "ct": "city", "st": "state", "zp": "zip",
		"country": "country", "ge": "gender", "dobd": "birth_day", "dobm": "birth_month", "doby": "birth_year"}
	var cases []normaliserCase
	for _, c := range file.Cases {
		require.NotEmpty(t, names[c.Field], c.Field)
		cases = append(cases, normaliserCase{"meta." + names[c.Field], connectors.SHA256Hex, c.Input, c.SHA256})
	}
	require.Len(t, cases, 49)
	normalised(t, cases)
}

func TestGooglesOwnAnswers(t *testing.T) {
	t.Parallel()
	var file struct {
		Cases []struct{ Kind, Input, Hex, Base64 string }
	}
	vectors(t, "google", &file)
	names := map[string]string{"EmailAddress": "email", "PhoneNumber": "phone", "GivenName": "first_name", "FamilyName": "last_name",
		"RegionCode": "region", "PostalCode": "postal_code"}
	var cases []normaliserCase
	for _, c := range file.Cases {
		require.NotEmpty(t, names[c.Kind], c.Kind)
		form, second := connectors.SHA256Hex, connectors.SHA256Base64
		if c.Kind == "RegionCode" || c.Kind == "PostalCode" {
			form, second = connectors.Plain, connectors.Plain
		}
		cases = append(cases, normaliserCase{"google." + names[c.Kind], form, c.Input, c.Hex}, normaliserCase{"google." + names[c.Kind], second, c.Input, c.Base64})
	}
	require.Len(t, cases, 2*58)
	normalised(t, cases)
}
