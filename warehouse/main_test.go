package warehouse_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

func TestMain(m *testing.M) {
	if child := os.Getenv("TAILRACE_TEST_CHILD"); child != "" {
		os.Exit(runChild(child))
	}
	code := m.Run()
	warehousetest.Stop()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "leaked goroutines:", err)
		code = 1
	}
	os.Exit(code)
}
