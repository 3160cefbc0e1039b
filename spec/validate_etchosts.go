package spec

import (
	"net/netip"
	"strings"
)

// checkEtcHosts checks etcHosts, and that no name has two addresses, registries' included. An IPv4 and an IPv6 address for one
// name are well.
func (c *checker) checkEtcHosts() {
	type name struct {
		host string
		six  bool
	}
	type given struct {
		address netip.Addr
		at      Position
	}
	first := map[name]given{}
	claim := func(p *place, host string, a netip.Addr, at Position) (again bool) {
		key := name{host, a.Is6()}
		other, ok := first[key]
		if ok && other.address != a {
			c.report(nil, p, "", "%s has the address %s at %s already", quote(host), other.address, other.at)
			return true
		}
		first[key] = given{a, at}
		return ok
	}
	for i, r := range c.Registries {
		host, _, _ := splitHost(r.Host)
		if a, err := netip.ParseAddr(r.Address); err == nil && host != "" {
			claim((*place)(nil).at("registries").nth(i).at("address"), host, a.Unmap(), r.Pos)
		}
	}
	list := (*place)(nil).at("etcHosts")
	for i, line := range c.EtcHosts {
		p := list.nth(i)
		a, err := netip.ParseAddr(line.Address)
		if line.Address != "" && (err != nil || a.Zone() != "") {
			c.wrong(p.at("address"), line.Address, "is not an IP address", "")
		}
		if line.Names != nil && len(line.Names) == 0 {
			c.report(nil, p.at("names"), "", "is empty")
		}
		here := map[string]bool{}
		for j, host := range line.Names {
			at := p.at("names").nth(j)
			if host == "" || !c.checkHostname(at, host) {
				continue
			}
			if here[host] {
				c.report(nil, at, "", "%s stands twice", quote(host))
			} else if err == nil {
				claim(at, host, a.Unmap(), line.Pos)
			}
			here[host] = true
		}
	}
}

// checkHostname checks a name of /etc/hosts, which may have underscores.
func (c *checker) checkHostname(p *place, host string) bool {
	lower := strings.ToLower(host)
	switch what := badName(strings.ReplaceAll(lower, "_", "-")); {
	case isAddress(host):
		c.wrong(p, host, "is an address and should be a name", "")
	case strings.Contains(host, ":"):
		c.wrong(p, host, "has a port or a colon, which /etc/hosts does not have", "")
	case what != "":
		c.wrong(p, host, what, "")
	case lower == "localhost" || strings.HasPrefix(lower, "ip6-"):
		c.wrong(p, host, "is this node and cannot be elsewhere", "")
	case lower != host:
		c.wrong(p, host, "has upper-case letters", "write "+lower)
	default:
		return true
	}
	return false
}
