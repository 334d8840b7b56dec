package syncs

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/tailrace/tailrace/warehouse/warehousetest"
)

func TestMain(m *testing.M) {
	if task := os.Getenv(childVariable); task != "" {
		os.Exit(runChild(task))
	}
	code := m.Run()
	warehousetest.Stop()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "leaked goroutines:", err)
		code = 1
	}
	os.Exit(code)
}
