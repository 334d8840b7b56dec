package connectors

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestClassifyStatus(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		class  Class
		do     Do
		rows   Status
	}{
		{301, ClassA, Stop, Unknown}, {400, ClassA, Split, Deferred}, {401, ClassA, Stop, Deferred},
		{403, ClassA, Stop, Deferred}, {404, ClassA, Stop, Deferred}, {410, ClassA, Stop, Deferred},
		{408, ClassA, FindOut, Unknown}, {409, ClassA, FindOut, Unknown}, {413, ClassB, Split, Deferred},
		{414, ClassB, Split, Deferred}, {422, ClassD, Split, Deferred}, {429, ClassD, Wait, Deferred},
		{500, ClassA, FindOut, Unknown}, {502, ClassA, FindOut, Unknown}, {504, ClassA, FindOut, Unknown},
		{503, ClassA, Wait, Deferred}, {503, ClassB, FindOut, Unknown}, {503, ClassC, FindOut, Unknown},
		{503, ClassD, FindOut, Unknown}, {418, ClassA, FindOut, Unknown},
	} {
		e := classify(&HTTPError{Status: c.status}, c.class, testNow)
		require.Equal(t, c.do, e.Do, "%d %s", c.status, c.class)
		require.Equal(t, c.rows, e.RowStatus(), "%d %s", c.status, c.class)
	}
	read := classify(&HTTPError{Status: 500, Reads: true}, ClassD, testNow)
	require.Equal(t, Wait, read.Do)
	require.Equal(t, Deferred, read.RowStatus())
}

func TestClassifyTransport(t *testing.T) {
	t.Parallel()
	unwritten := classify(&TransportError{Err: context.DeadlineExceeded}, ClassD, testNow)
	require.Equal(t, Wait, unwritten.Do)
	written := classify(&TransportError{Wrote: true, Err: context.DeadlineExceeded}, ClassD, testNow)
	require.Equal(t, FindOut, written.Do)
	require.Equal(t, "timeout", written.Code)
	require.Equal(t, FindOut, classify(errors.New("?"), ClassA, testNow).Do)
	require.Equal(t, FindOut, classify(&AnswerError{Reason: "x"}, ClassA, testNow).Do)
	require.Equal(t, Stop, classify(&EncodeError{Err: errors.New("x")}, ClassA, testNow).Do)
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]time.Duration{
		"7": 7 * time.Second, "0": 0, "0.5": 500 * time.Millisecond, "999999": MaxRetryAfter,
		testNow.Add(90 * time.Second).Format(http.TimeFormat): 90 * time.Second,
		testNow.Add(-time.Hour).Format(http.TimeFormat):       0,
		testNow.Add(72 * time.Hour).Format(http.TimeFormat):   MaxRetryAfter,
	} {
		got, ok := RetryAfter(http.Header{"Retry-After": {v}}, testNow)
		require.True(t, ok, v)
		require.Equal(t, want, got, v)
	}
	for _, v := range []string{"", "soon", "-3"} {
		_, ok := RetryAfter(http.Header{"Retry-After": {v}}, testNow)
		require.False(t, ok, v)
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	require.LessOrEqual(t, Backoff(1, ^uint64(0)), time.Second)
	for n := range 70 {
		require.LessOrEqual(t, Backoff(n, ^uint64(0)), 5*time.Minute)
		require.GreaterOrEqual(t, Backoff(n, 12345), time.Duration(0))
	}
}

func TestWhenUnknown(t *testing.T) {
	t.Parallel()
	b := Spec{Class: ClassB, Window: 4 * time.Minute}
	require.Equal(t, SendSameKey, b.WhenUnknown(time.Minute))
	require.Equal(t, Park, b.WhenUnknown(2*time.Minute))
	require.Equal(t, SendAgain, Spec{Class: ClassA}.WhenUnknown(time.Hour))
	require.Equal(t, LookUp, Spec{Class: ClassC}.WhenUnknown(time.Hour))
	require.Equal(t, Park, Spec{Class: ClassD}.WhenUnknown(0))
	require.Equal(t, Park, Spec{}.WhenUnknown(0))
}
