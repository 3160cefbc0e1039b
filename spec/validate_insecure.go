package spec

import (
	"net/netip"
	"strings"
)

func (c *checker) checkInsecure() {
	list := (*place)(nil).at("insecure")
	ranges := map[netip.Prefix]Position{}
	for i := range c.Insecure {
		in, p := &c.Insecure[i], list.nth(i)
		if in.Value == "" {
			continue
		}
		if rest, found := strings.CutPrefix(in.Value, "http://"); found {
			c.wrong(p, in.Value, "is a URL: plain http is written without the scheme", "write "+strings.TrimRight(rest, "/"))
			continue
		}
		if in.CIDR() && in.Only {
			c.wrong(p.at("endpoint"), in.Value, "is a range of addresses, and no endpoint", "write it as a string")
			continue
		}
		if in.CIDR() {
			c.checkRange(in.Value, p, in.Pos, ranges)
			continue
		}
		if scheme, rest, found := strings.Cut(in.Value, "://"); found && scheme != "https" {
			hint := ""
			if nearest(scheme, schemes) != "" {
				hint = "write " + rest + " for plain http, https://" + rest + " for TLS that is not verified"
			}
			c.wrong(p, in.Value, "is neither host:port nor https://host:port", hint)
			continue
		}
		host := in.Host()
		if trimmed := strings.TrimRight(host, "/"); trimmed != host && in.SkipVerify() {
			host, in.Value = trimmed, "https://"+trimmed
		}
		if what, hint := badHost(host); what != "" {
			c.wrong(p, in.Value, what, hint)
			continue
		}
		standard := "80"
		if in.SkipVerify() {
			standard = "443"
		}
		key := withPort(host, standard)
		if other, again := c.insecure[key]; again {
			if other.SkipVerify() != in.SkipVerify() {
				c.report(nil, p, "take out one", "%s is plain http and TLS at once: the other stands at %s", quote(host), other.Pos)
			} else {
				c.twice(p, in.Value, other.Pos)
			}
			continue
		}
		c.insecure[key] = *in
	}
}

// checkRange checks a CIDR. containerd has no ranges, so it authorises no endpoint.
func (c *checker) checkRange(value string, p *place, pos Position, ranges map[netip.Prefix]Position) {
	prefix, err := netip.ParsePrefix(value)
	switch {
	case err != nil:
		c.wrong(p, value, "is neither host:port nor a CIDR", "a path cannot be said here: write host:port")
	case prefix != prefix.Masked():
		c.wrong(p, value, "has bits behind its prefix", "write "+prefix.Masked().String())
	case ranges[prefix].IsValid():
		c.twice(p, value, ranges[prefix])
	default:
		ranges[prefix] = pos
		c.warn(p, "list the endpoints one by one too", "a range of addresses holds for Docker only; containerd has no such thing")
	}
}
