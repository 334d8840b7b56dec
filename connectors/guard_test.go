package connectors

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDenied(t *testing.T) {
	t.Parallel()
	for _, a := range []string{
		"127.0.0.1", "127.255.255.254", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
		"169.254.169.254", "0.0.0.0", "0.1.2.3", "240.0.0.1", "255.255.255.255", "224.0.0.1", "198.18.0.1",
		"::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1",
		"fc00::1", "fd12::1", "fe80::1", "fe80::1%eth0", "ff02::1", "fec0::1", "2002:7f00:1::", "2001::1", "2001:db8::1",
	} {
		require.NotEmpty(t, Denied(netip.MustParseAddr(a)), a)
	}
	for _, a := range []string{"8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "169.253.1.1"} {
		require.Empty(t, Denied(netip.MustParseAddr(a)), a)
	}
	require.NotEmpty(t, Denied(netip.Addr{}))
}

func TestGuardRules(t *testing.T) {
	t.Parallel()
	g, err := newGuard([]string{"127.0.0.1:9000", "10.1.0.0/16", "crm.internal:8443", "[fd00::1]:8443", "10.9.0.0/16:8080"})
	require.NoError(t, err)
	for _, c := range []struct {
		host, address string
		ok            bool
	}{
		{"127.0.0.1", "127.0.0.1:9000", true},
		{"127.0.0.1", "127.0.0.1:9001", false},
		{"x", "10.1.2.3:12345", true},
		{"x", "10.2.2.3:443", false},
		{"crm.internal", "10.200.0.1:8443", true},
		{"CRM.internal.", "10.200.0.1:8443", true},
		{"crm.internal", "10.200.0.1:443", false},
		{"crm.internal", "169.254.169.254:8443", false},
		{"x", "[fd00::1]:8443", true},
		{"x", "[fd00::2]:8443", false},
		{"x", "10.9.1.1:8080", true},
		{"x", "10.9.1.1:80", false},
		{"x", "8.8.8.8:443", true},
		{"x", "8.8.8.8:22", false},
		{"x", "[::ffff:127.0.0.1]:9000", true},
		{"x", "nonsense", false},
	} {
		require.Equal(t, c.ok, g.check(c.host, c.address) == nil, "%s %s", c.host, c.address)
	}
	for _, bad := range []string{"", "*", "http://x", "x:0", "x:99999", "a b", "10.0.0.0/33", "x:"} {
		require.Error(t, ParseAllow(bad), bad)
	}
}

// Nothing is connected to in any denied form, even by a name that resolves there.
func TestGuardMakesNoConnection(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	touched := make(chan struct{}, 100)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			touched <- struct{}{}
			_ = c.Close() // only the touch counts
		}
	}()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	tr, err := NewTransport(TransportOptions{})
	require.NoError(t, err)
	defer tr.Close()
	for _, host := range []string{"127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "0.0.0.0", "[::1]", "[::]", "127.1", "x.standin.invalid"} {
		_, err := Call(context.Background(), tr, Request{Method: http.MethodGet, URL: "http://" + host + ":" + port + "/"})
		require.Error(t, err, host)
		c := classify(err, ClassA, testNow)
		require.NotEqual(t, FindOut, c.Do, "%s: %v", host, err)
	}
	_, err = Call(context.Background(), tr, Request{Method: http.MethodGet, URL: "ftp://8.8.8.8/"})
	require.Equal(t, Stop, classify(err, ClassA, testNow).Do)
	require.Empty(t, touched)
}

func TestTransportIgnoresProxyAndRedirects(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://elsewhere.example/", http.StatusFound)
	}))
	defer s.Close()
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	tr, err := NewTransport(TransportOptions{Allow: []string{"127.0.0.0/8"}})
	require.NoError(t, err)
	defer tr.Close()
	_, err = Call(context.Background(), tr, Request{Method: http.MethodPost, URL: s.URL, Body: []byte("{}")})
	c := classify(err, ClassA, testNow)
	require.Equal(t, Stop, c.Do)
	require.Equal(t, ScopeTarget, c.Scope)
	require.Equal(t, Unknown, c.RowStatus())
	require.Equal(t, "the address moved to elsewhere.example", c.Words)
}

func TestTLSIsChecked(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of our refusal
	s.StartTLS()
	defer s.Close()
	tr, err := NewTransport(TransportOptions{Allow: []string{"127.0.0.0/8"}})
	require.NoError(t, err)
	defer tr.Close()
	_, err = Call(context.Background(), tr, Request{Method: http.MethodGet, URL: s.URL})
	c := classify(err, ClassD, testNow)
	require.Equal(t, Stop, c.Do)
	require.Equal(t, "tls", c.Code)
	require.Equal(t, Deferred, c.RowStatus())
}
