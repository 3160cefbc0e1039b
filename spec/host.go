package spec

import (
	"net/netip"
	"strconv"
	"strings"
)

// splitHost splits host:port. An IPv6 address loses its brackets. It does not judge the parts; ok is false where there are
// no two.
func splitHost(s string) (name, port string, ok bool) {
	if rest, found := strings.CutPrefix(s, "["); found {
		name, port, ok = strings.Cut(rest, "]")
		if !ok || (port != "" && port[0] != ':') {
			return s, "", false
		}
		if port == "" {
			return name, "", true
		}
		return name, port[1:], port != ":"
	}
	name, port, found := strings.Cut(s, ":")
	return name, port, !found || (port != "" && !strings.Contains(port, ":"))
}

// badHost says what is wrong with host[:port], and what to do about it; nothing if it is well.
func badHost(s string) (what, hint string) {
	switch {
	case strings.Contains(s, "://"):
		return "is a URL and should be a host", "write " + strings.Trim(s[strings.Index(s, "://")+3:], "/")
	case strings.ContainsAny(s, "/\\"):
		return "has a path and should be a host alone", ""
	case strings.Contains(s, "@"):
		return "has an @, which no host has", ""
	case strings.ContainsAny(s, " \t\"'"):
		return "has a blank or a quote in it", ""
	}
	name, port, ok := splitHost(s)
	if !ok {
		if strings.Count(s, ":") > 1 && !strings.HasPrefix(s, "[") {
			return "is not host:port", "an IPv6 address stands in brackets: [::1]:5000"
		}
		return "is not host:port", ""
	}
	if what, hint := badPort(port); what != "" {
		return what, hint
	}
	if strings.HasPrefix(s, "[") {
		if a, err := netip.ParseAddr(name); err != nil || !a.Is6() || a.Zone() != "" {
			return "has brackets but no IPv6 address in them", ""
		}
		return "", ""
	}
	if lower := strings.ToLower(s); lower != s && badName(strings.ToLower(name)) == "" {
		return "has upper-case letters, which image references compare as they are", "write " + lower
	}
	return badName(name), ""
}

// badPort judges a port; "" is well.
func badPort(port string) (what, hint string) {
	if port == "" {
		return "", ""
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 1 || n > 65535 || port[0] == '0' || port[0] == '+' {
		return "has the port " + quote(port) + ", which is not a number from 1 to 65535", ""
	}
	return "", ""
}

// badName judges a DNS name, or an IPv4 address. Image references know no underscore
// (github.com/distribution/reference, domain-component).
func badName(name string) string {
	if name == "" {
		return "has no host"
	}
	if len(name) > 253 {
		return "is longer than 253 characters"
	}
	last := ""
	for label := range strings.SplitSeq(name, ".") {
		if label == "" {
			return "has an empty part between dots"
		}
		if len(label) > 63 {
			return "has a part longer than 63 characters"
		}
		if label[0] == '-' || label[len(label)-1] == '-' {
			return "has a part that begins or ends with a hyphen"
		}
		for _, r := range label {
			if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
				return "has the character " + strconv.QuoteRune(r) + ", which no registry's name has"
			}
		}
		last = label
	}
	if strings.Trim(last, "0123456789") == "" {
		if _, err := netip.ParseAddr(name); err != nil {
			return "ends in a number and is not an IPv4 address"
		}
	}
	return ""
}

// badRegistry judges a host as the registry of image references: there, what has neither dot nor port is a part of the path
// of docker.io (localhost excepted), and Docker Hub has one name only.
func badRegistry(s string) (what, hint string) {
	if what, hint := badHost(s); what != "" {
		return what, hint
	}
	switch {
	case s == "index.docker.io" || s == "registry-1.docker.io":
		return "is Docker Hub, which references call docker.io", "write docker.io"
	case !strings.ContainsAny(s, ".:") && s != "localhost":
		return "is never taken for a registry in an image reference: it has neither a dot nor a port", "write its full name, or " + s + ":PORT"
	}
	return "", ""
}

// withPort gives host:port for comparisons, an IPv6 address in its shortest form.
func withPort(host, standard string) string {
	name, port, _ := splitHost(host)
	if port == "" {
		port = standard
	}
	if strings.Contains(name, ":") {
		if a, err := netip.ParseAddr(name); err == nil {
			name = a.String()
		}
	}
	return name + " " + port
}
