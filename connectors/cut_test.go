package connectors

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func testCutter(rows, body int) *Cutter {
	return &Cutter{
		object: Object{Identifiers: []Identifier{{Name: "email", Form: Plain, FoldCase: true}}, Fields: FieldRules{Open: true}},
		spec:   Spec{Class: ClassA, Limits: Limits{Rows: rows, BodyBytes: body}}, frame: 100, head: Batch{Action: Upsert},
	}
}

func rowsOf(n int) []Row {
	out := make([]Row, n)
	for i := range out {
		out[i] = Row{Key: fmt.Sprint(i), IDs: map[string]string{"email": fmt.Sprintf("a%d@x.io", i)}}
	}
	return out
}

func TestCutByRows(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{1: 1, 10: 1, 11: 2, 20: 2, 21: 3} {
		batches, bad := testCutter(10, 0).Cut(rowsOf(n))
		require.Len(t, batches, want, n)
		require.Empty(t, bad)
	}
}

func TestCutByBytes(t *testing.T) {
	t.Parallel()
	rows := rowsOf(4)
	size := estimate(rows[0])
	batches, _ := testCutter(10, 100+2*size).Cut(rows)
	require.Len(t, batches, 2)
	batches, _ = testCutter(10, 100+2*size-1).Cut(rows)
	require.Len(t, batches, 4)
	rows[1].Fields = map[string]Value{"x": Text(strings.Repeat("y", 1000))}
	batches, bad := testCutter(10, 100+2*size).Cut(rows)
	require.Equal(t, "too_large", bad[1].Code)
	require.Len(t, batches, 2)
}

func TestCutSeparatesEqualIdentifiers(t *testing.T) {
	t.Parallel()
	rows := rowsOf(3)
	rows[2].IDs = map[string]string{"email": "A0@X.io"}
	batches, _ := testCutter(10, 0).Cut(rows)
	require.Len(t, batches, 2)
	require.Len(t, batches[1], 1)

	c := testCutter(10, 0)
	c.object.OpenIdentifiers = true
	rows = rowsOf(2)
	rows[0].IDs["shop_id"], rows[1].IDs["shop_id"] = "7", "7"
	batches, _ = c.Cut(rows)
	require.Len(t, batches, 2, "equal in an identifier that isn't the first")
}

// A plain address can't leave where a hash is declared.
func TestHashOnly(t *testing.T) {
	t.Parallel()
	o := Object{Identifiers: []Identifier{{Name: "email", Form: SHA256Hex}}}
	hash := strings.Repeat("0a", 32)
	for v, ok := range map[string]bool{
		hash: true, strings.ToUpper(hash): false, hash[:63]: false, hash + "0": false, "ada@example.com": false, "": false,
	} {
		for _, a := range []Action{AddToList, RemoveFromList} {
			p := checkRow(o, a, Spec{}, Row{Key: "k", IDs: map[string]string{"email": v}})
			require.Equal(t, ok, p == nil, "%q", v)
			if p != nil && v != "" {
				require.NotContains(t, p.Error(), v)
			}
		}
	}
}
