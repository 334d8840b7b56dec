package connectors

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// GuardError is a connection that the outbound guard refused. No packet left.
type GuardError struct {
	Host   string
	Reason string
}

// Error names the host and the reason.
func (e *GuardError) Error() string {
	return fmt.Sprintf("connections to %s are refused: %s; an admin can list it under outbound.allow", e.Host, e.Reason)
}

// deniedRanges are addresses that no destination is reached at unless listed
// (reliability.md §4.4; IANA special-purpose registries).
var deniedRanges = []struct {
	prefix netip.Prefix
	reason string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "this network"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private address"},
	{netip.MustParsePrefix("100.64.0.0/10"), "carrier-grade NAT"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private address"},
	{netip.MustParsePrefix("192.0.0.0/24"), "protocol assignments"},
	{netip.MustParsePrefix("192.0.2.0/24"), "documentation"},
	{netip.MustParsePrefix("192.88.99.0/24"), "6to4 relay"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private address"},
	{netip.MustParsePrefix("198.18.0.0/15"), "benchmarking"},
	{netip.MustParsePrefix("198.51.100.0/24"), "documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},
	{netip.MustParsePrefix("::/96"), "unspecified, loopback or IPv4-compatible"},
	{netip.MustParsePrefix("64:ff9b::/96"), "NAT64"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "NAT64"},
	{netip.MustParsePrefix("100::/64"), "discard"},
	{netip.MustParsePrefix("2001::/23"), "protocol assignments"},
	{netip.MustParsePrefix("2001:db8::/32"), "documentation"},
	{netip.MustParsePrefix("2002::/16"), "6to4"},
	{netip.MustParsePrefix("3fff::/20"), "documentation"},
	{netip.MustParsePrefix("fc00::/7"), "unique local address"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("fec0::/10"), "site-local"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
}

// Denied gives the reason why an address is refused, "" if it isn't. An
// IPv4-mapped address counts as the IPv4 address in it.
func Denied(ip netip.Addr) string {
	ip = ip.Unmap().WithZone("")
	for _, d := range deniedRanges {
		if d.prefix.Contains(ip) {
			return d.reason
		}
	}
	if !ip.IsValid() {
		return "not an address"
	}
	return ""
}

// allowRule is one entry of outbound.allow.
type allowRule struct {
	prefix netip.Prefix // for addresses
	host   string       // for names
	port   string       // "" = any
}

// ParseAllow reads one entry of outbound.allow: an address, a CIDR or a host
// name, each with or without a port ("10.1.0.0/16", "127.0.0.1:9000",
// "[fd00::1]:8443", "crm.internal:8443", "10.1.0.0/16:8443"). Without a port
// every port is allowed.
func ParseAllow(entry string) error {
	_, err := parseAllow(entry)
	return err
}

func parseAllow(entry string) (allowRule, error) {
	e := strings.TrimSpace(entry)
	if r, ok := addressRule(e, ""); ok {
		return r, nil
	}
	// What follows the last colon is the port, unless the colon is part of an
	// IPv6 address, which the line above has taken or the brackets end.
	host, port := e, ""
	if i := strings.LastIndexByte(e, ':'); i > strings.LastIndexByte(e, ']') {
		host, port = e[:i], e[i+1:]
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return allowRule{}, fmt.Errorf("outbound.allow: %q has no valid port", entry)
		}
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if r, ok := addressRule(host, port); ok {
		return r, nil
	}
	if host == "" || strings.ContainsAny(host, "/*@ ?#[]:") {
		return allowRule{}, fmt.Errorf("outbound.allow: %q is no address, CIDR or host name", entry)
	}
	return allowRule{host: strings.ToLower(strings.TrimSuffix(host, ".")), port: port}, nil
}

func addressRule(s, port string) (allowRule, bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return allowRule{prefix: p.Masked(), port: port}, true
	}
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap()
		return allowRule{prefix: netip.PrefixFrom(a, a.BitLen()), port: port}, true
	}
	return allowRule{}, false
}

// guard decides about one connection by the address it resolved to.
type guard struct{ rules []allowRule }

func newGuard(allow []string) (*guard, error) {
	g := &guard{}
	for _, e := range allow {
		r, err := parseAllow(e)
		if err != nil {
			return nil, err
		}
		g.rules = append(g.rules, r)
	}
	return g, nil
}

// check is called by the dialer with the address it is about to connect to,
// after resolution, so a name that changes its answer gains nothing.
func (g *guard) check(host, address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return &GuardError{Host: host, Reason: "not an address"}
	}
	ip := ap.Addr().Unmap().WithZone("")
	port := strconv.Itoa(int(ap.Port()))
	if g.allows(host, ip, port) {
		return nil
	}
	if reason := Denied(ip); reason != "" {
		return &GuardError{Host: host, Reason: reason}
	}
	if port != "80" && port != "443" {
		return &GuardError{Host: net.JoinHostPort(host, port), Reason: "only ports 80 and 443 are open"}
	}
	return nil
}

func (g *guard) allows(host string, ip netip.Addr, port string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, r := range g.rules {
		if r.port != "" && r.port != port {
			continue
		}
		if r.host != "" {
			// A listed name opens private addresses, never link-local ones:
			// the cloud's metadata service needs its address listed.
			if r.host == host && !ip.IsLinkLocalUnicast() {
				return true
			}
			continue
		}
		if r.prefix.Contains(ip) {
			return true
		}
	}
	return false
}
