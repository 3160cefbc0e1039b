package render

import (
	"bytes"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// mark begins every file that is ours as a whole.
const mark = "# Managed by regsync"

// hostsTOML writes a road as the hosts.toml of its registry.
//
// It keeps to the forms that containerd 1.6 to 2.x read alike (remotes/docker/config/hosts.go of 1.6.36 and 1.7.35, core/remotes/docker/config/hosts.go
// of 2.2.9, and as seen on 1.6.20 and others):
//   - hosts are [host."URL"] tables, with their header table right behind: 2.x sees no other hosts, and asks one twice that it meets again;
//   - server never stands without a host table, if only the empty [host]: 1.6 ignores such a file;
//   - no key at the root without server, where it would hold for a registry that the file does not name;
//   - no TLS key at a plain http endpoint, which containerd would then ask by https first;
//   - client certificates are a list of pairs: a flat list means something else;
//   - ASCII with LF line ends: 2.x ignores a file that is not UTF-8, and one with a BOM.
func hostsTOML(r *Road) []byte {
	b := make([]byte, 0, 512)
	b = append(b, mark+": changes made here do not last.\n# "...)
	b = append(b, ascii(r.Why)...)
	b = append(b, '\n')
	if r.Server != nil {
		b = append(b, "server = "...)
		b = appendString(b, r.Server.URL)
		b = append(b, '\n')
		b = appendEndpoint(b, r.Server, !slices.Equal(r.Server.Capabilities, upstreamCapabilities))
		b = appendHeader(b, "[header]\n", r.Server.Header)
	}
	for i := range r.Mirrors {
		e := &r.Mirrors[i]
		b = append(b, "\n[host."...)
		b = appendString(b, e.URL)
		b = append(b, "]\n"...)
		b = appendEndpoint(b, e, true)
		if len(e.Header) > 0 {
			name := append(appendString([]byte("[host."), e.URL), ".header]\n"...)
			b = appendHeader(b, string(name), e.Header)
		}
	}
	if len(r.Mirrors) == 0 {
		b = append(b, "\n[host]\n"...)
	}
	return b
}

// appendEndpoint writes the keys of one endpoint.
func appendEndpoint(b []byte, e *Endpoint, capabilities bool) []byte {
	if capabilities {
		b = append(b, "capabilities = "...)
		b = appendList(b, e.Capabilities)
		b = append(b, '\n')
	}
	if e.overrides() {
		b = append(b, "override_path = true\n"...)
	}
	if !e.Plain() {
		b = appendTLS(b, e)
	}
	if e.DialTimeout > 0 {
		b = append(b, "dial_timeout = "...)
		b = appendString(b, time.Duration(e.DialTimeout).String())
		b = append(b, '\n')
	}
	return b
}

func appendTLS(b []byte, e *Endpoint) []byte {
	if len(e.CA)+len(e.CAFiles) > 0 {
		names := slices.Clone(e.CAFiles)
		for _, ca := range e.CA {
			if name := caName(ca); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		b = append(b, "ca = "...)
		b = appendList(b, names)
		b = append(b, '\n')
	}
	pairs := e.ClientFiles
	if e.Cert != nil {
		pairs = append(slices.Clone(pairs), [2]string{certName(e.Cert), keyName(e.Cert)})
	}
	for i, pair := range pairs {
		if i == 0 {
			b = append(b, "client = ["...)
		} else {
			b = append(b, ", "...)
		}
		b = appendList(b, pair[:])
		if i == len(pairs)-1 {
			b = append(b, "]\n"...)
		}
	}
	if e.SkipVerify {
		b = append(b, "skip_verify = true\n"...)
	}
	return b
}

// appendHeader writes a header table, sorted by name; nothing where there is no header.
func appendHeader(b []byte, table string, header map[string][]string) []byte {
	if len(header) == 0 {
		return b
	}
	b = append(b, table...)
	names := make([]string, 0, len(header))
	for name := range header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b = appendString(b, name)
		b = append(b, " = "...)
		b = appendList(b, header[name])
		b = append(b, '\n')
	}
	return b
}

func appendList(b []byte, values []string) []byte {
	b = append(b, '[')
	for i, v := range values {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendString(b, v)
	}
	return append(b, ']')
}

// appendString writes s as a basic string of TOML 1.0, in ASCII.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	b = append(b, '"')
	n := 0
	for n < len(s) && ' ' <= s[n] && s[n] < 0x7f && s[n] != '"' && s[n] != '\\' {
		n++
	}
	b = append(b, s[:n]...)
	for _, r := range s[n:] { // what is not UTF-8 comes as U+FFFD
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case ' ' <= r && r < 0x7f:
			b = append(b, byte(r))
		case r <= 0xffff:
			b = append(b, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		default:
			b = append(b, '\\', 'U', '0', '0', hex[r>>20&15], hex[r>>16&15], hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		}
	}
	return append(b, '"')
}

// TOMLString writes a string as hosts.toml has it: in ASCII.
func TOMLString(s string) string { return string(appendString(nil, s)) }

// ascii gives s as one line of ASCII, for a comment.
func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// secret reports whether headers hold what looks like a credential, by their names.
func secret(asks []Endpoint) bool {
	for i := range asks {
		for name := range asks[i].Header {
			if Credential(name) {
				return true
			}
		}
	}
	return false
}

// Confides reports whether a file on the node, ours or not, is a hosts.toml with a header that carries a credential: then its content
// is shown to nobody. One that does not parse may hold anything.
func Confides(name string, data []byte) bool {
	if path.Base(name) != HostsTOML || len(data) == 0 {
		return false
	}
	type host struct{ Header map[string]any }
	var file struct {
		host
		Host map[string]host
	}
	if toml.Unmarshal(data, &file) != nil {
		return bytes.Contains(bytes.ToLower(data), []byte("header"))
	}
	all := append(slices.Collect(maps.Values(file.Host)), file.host)
	return slices.ContainsFunc(all, func(h host) bool {
		return slices.ContainsFunc(slices.Collect(maps.Keys(h.Header)), Credential)
	})
}

// Credential reports whether a header of this name carries a credential as far as its name tells.
func Credential(name string) bool {
	name = strings.ToLower(name)
	for _, word := range []string{"auth", "cookie", "token", "secret", "password", "api-key", "apikey", "access-key", "credential"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}
