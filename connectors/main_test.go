package connectors

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testNow = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)

func frozen() time.Time { return testNow }
