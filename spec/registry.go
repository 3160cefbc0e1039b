package spec

import (
	"strings"
	"time"
)

// Registry is a registry by the name that stands in image references.
type Registry struct {
	Host        string `json:"host"`              // as in image references: name or name:port
	Server      string `json:"server,omitempty"`  // URL where it really is; default https://HOST
	Address     string `json:"address,omitempty"` // an IP address: gives an /etc/hosts line for HOST
	TLS         `json:",inline"`
	Credentials string              `json:"credentials,omitempty"` // name of an entry of credentials
	Header      map[string][]string `json:"header,omitempty"`
	DialTimeout Duration            `json:"dialTimeout,omitempty"`
	Blocked     bool                `json:"blocked,omitempty"` // nothing is pulled from here

	Pos Position `json:"-"`
}

// TLS is what a connection to an endpoint needs beside the system's own roots.
type TLS struct {
	CA     []string    `json:"ca,omitempty" text:"lines" alone:"true"` // paths of PEM files, or PEM text
	Client *ClientCert `json:"client,omitempty"`                       // nil: none
}

// ClientCert is a client certificate and its key, both as paths of PEM files.
type ClientCert struct {
	Cert string `json:"cert"`
	Key  string `json:"key"`
}

// AnyRegistry is the registry of a [Mirror] that stands for every registry without mirrors of its own.
const AnyRegistry = "*"

// Mirror names the endpoints that serve a registry's images, in the order in which they are asked.
type Mirror struct {
	Registry  string     `json:"registry"`                // host or host:port, or "*"
	Endpoints []Endpoint `json:"endpoints"`               // empty: the registry has no mirrors and "*" does not hold for it
	Fallback  bool       `json:"fallback" default:"true"` // false: the upstream is never asked

	Pos Position `json:"-"`
}

// Endpoint is one place that serves a registry's images. In the file it may be a bare URL.
type Endpoint struct {
	URL          string   `json:"url"`                                                                    // no closing slash
	Capabilities []string `json:"capabilities,omitempty" default:"pull,resolve" enum:"pull,resolve,push"` // what the endpoint is asked for
	OverridePath Override `json:"overridePath,omitempty" default:"auto"`                                  // whether the URL's path is the API root as it stands
	TLS          `json:",inline"`
	Credentials  string              `json:"credentials,omitempty"`
	Header       map[string][]string `json:"header,omitempty"`
	DialTimeout  Duration            `json:"dialTimeout,omitempty"`

	Pos Position `json:"-"`
}

// Override says whether an endpoint's path is the API root as it stands (true), or gets /v2 added (false).
// Auto: it is the root if it begins with /v2/ or ends in /v2.
type Override string

// The values of [Override]. In the file true and false are booleans.
const (
	OverrideAuto Override = "auto"
	OverrideYes  Override = "true"
	OverrideNo   Override = "false"
)

// Insecure is an endpoint that may be plain http, or TLS that is not verified, or, as a CIDR, a range of them (Docker only).
// In the file it is a bare string: "host:port", "https://host:port" or "10.20.0.0/16".
type Insecure struct {
	Value string // as written

	Pos Position
}

// CIDR reports whether the entry is a range of addresses. Such an entry authorises no endpoint.
func (i Insecure) CIDR() bool {
	return strings.Contains(i.Value, "/") && !strings.Contains(i.Value, "://")
}

// SkipVerify reports whether the entry is TLS that is not verified. Otherwise it is plain http.
func (i Insecure) SkipVerify() bool { return strings.HasPrefix(i.Value, "https://") }

// Host is the entry's host, or host:port as written. For a CIDR it is empty.
func (i Insecure) Host() string {
	if i.CIDR() {
		return ""
	}
	return strings.TrimPrefix(strings.TrimPrefix(i.Value, "https://"), "http://")
}

// HostsLine is a line of /etc/hosts.
type HostsLine struct {
	Address string   `json:"address"`
	Names   []string `json:"names"`

	Pos Position `json:"-"`
}

// Duration is a time as Go writes it: 3s, 1m30s.
type Duration time.Duration
