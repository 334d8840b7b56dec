package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/syncs"
	"github.com/tailrace/tailrace/warehouse"
)

func TestFailures(t *testing.T) {
	t.Parallel()
	s := &Server{log: slog.New(slog.DiscardHandler)}
	for _, c := range []struct {
		err    error
		status int
	}{
		{problem(Forbidden, "x", "y"), 403},
		{audiences.ErrNotFound, 404}, {syncs.ErrNotFound, 404}, {warehouse.ErrNoRows, 404},
		{audiences.ErrConflict, 409}, {audiences.ErrInvalid, 422}, {syncs.ErrPaused, 409}, {syncs.ErrAppendOnce, 409}, {syncs.ErrCursor, 422},
		{&syncs.OpenRunError{}, 409}, {&syncs.TransitionError{}, 409}, {&syncs.DigestMismatchError{}, 409}, {&syncs.StaleError{}, 409},
		{&warehouse.GateError{Message: "no"}, 422},
		{context.DeadlineExceeded, 503},
		{&clickhouse.Exception{Code: 60}, 500}, {errors.New("what?"), 500},
	} {
		var p *Problem
		require.ErrorAs(t, s.fail(fmt.Errorf("doing something: %w", c.err)), &p)
		require.Equal(t, c.status, p.Status, "%T %v", c.err, c.err)
		require.NotEmpty(t, p.Next)
	}
	require.NoError(t, s.fail(nil))
}

func TestPanicsAreAnswered(t *testing.T) {
	t.Parallel()
	s := &Server{log: slog.New(slog.DiscardHandler)}
	router := gin.New()
	s.guard(router)
	router.GET("/panics", func(*gin.Context) { panic("oh") })
	router.GET("/aborts", func(*gin.Context) { panic(http.ErrAbortHandler) })
	router.GET("/late", func(c *gin.Context) {
		c.String(200, "half")
		c.Writer.Flush()
		panic("oh")
	})
	server := httptest.NewServer(router)
	t.Cleanup(server.Close)
	res, err := http.Get(server.URL + "/panics")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, 500, res.StatusCode)
	require.Equal(t, "application/problem+json", res.Header.Get("Content-Type"))
	_, err = http.Get(server.URL + "/aborts")
	require.Error(t, err)
	res, err = http.Get(server.URL + "/late")
	if err == nil {
		_, err = res.Body.Read(make([]byte, 100))
		for err == nil {
			_, err = res.Body.Read(make([]byte, 100))
		}
		require.NoError(t, res.Body.Close())
		require.NotEqual(t, "EOF", err.Error(), "half an answer passed for a whole one")
	}
}

func TestAnEndpointWithoutARoleDoesNotStart(t *testing.T) {
	t.Parallel()
	require.PanicsWithValue(t, "api: endpoint open names no role", func() {
		register(&Server{}, endpoint{id: "open"}, func(context.Context, *struct{}) (*struct{}, error) { return nil, nil })
	})
}
