package spec

import (
	"strings"
	"time"
)

// Registry is a registry by the name that stands in image references.
type Registry struct {
	// Host as in image references: a name or an address, and a port if there is one.
	Host string `json:"host"`
	// URL where the registry really is. Without it: https://HOST.
	Server string `json:"server,omitempty"`
	// IP address for HOST, which gives a line in /etc/hosts.
	Address string `json:"address,omitempty"`
	TLS     `json:",inline"`
	// Name of an entry of credentials.
	Credentials string `json:"credentials,omitempty"`
	// HTTP headers that are sent with each request.
	Header map[string][]string `json:"header,omitempty"`
	// Time that a connection may take to come about, as in 3s. containerd 1.x ignores it.
	DialTimeout Duration `json:"dialTimeout,omitempty"`
	// Whether nothing may be pulled from here.
	Blocked bool `json:"blocked,omitempty"`

	Pos Position `json:"-"`
}

// TLS is what a connection to an endpoint needs beside the system's own roots.
type TLS struct {
	// Certificates that sign the endpoint's: paths of PEM files, or PEM text.
	CA []string `json:"ca,omitempty" text:"lines" alone:"true"`
	// Client certificate to show to the endpoint.
	Client *ClientCert `json:"client,omitempty"` // nil: none
}

// ClientCert is a client certificate and its key.
type ClientCert struct {
	// Path of the certificate, a PEM file.
	Cert string `json:"cert"`
	// Path of the key, a PEM file.
	Key string `json:"key"`
}

// AnyRegistry is the registry of a [Mirror] that stands for every registry without mirrors of its own.
const AnyRegistry = "*"

// Mirror names the endpoints that serve a registry's images, in the order in which they are asked.
type Mirror struct {
	// Host of the registry whose images are mirrored, or "*" for every registry without mirrors of its own.
	Registry string `json:"registry"`
	// Endpoints in the order in which they are asked. An empty list: the registry has no mirrors, and those of "*" do not count.
	Endpoints []Endpoint `json:"endpoints"`
	// Whether the registry itself is asked after the mirrors.
	Fallback bool `json:"fallback" default:"true"`

	Pos Position `json:"-"`
}

// Endpoint is one place that serves a registry's images. It may be written as its URL alone.
type Endpoint struct {
	// URL of the endpoint. A path that begins with /v2/ or ends in /v2 is the API root; to any other /v2 is added.
	URL string `json:"url"` // no closing slash after Load
	// What the endpoint is asked for.
	Capabilities []string `json:"capabilities,omitempty" default:"pull,resolve" enum:"pull,resolve,push"`
	// Whether the URL's path is the API root as it stands.
	OverridePath Override `json:"overridePath,omitempty" default:"auto"`
	TLS          `json:",inline"`
	// Name of an entry of credentials.
	Credentials string `json:"credentials,omitempty"`
	// HTTP headers that are sent with each request.
	Header map[string][]string `json:"header,omitempty"`
	// Time that a connection may take to come about, as in 3s. containerd 1.x ignores it.
	DialTimeout Duration `json:"dialTimeout,omitempty"`

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
// In the file it is a bare string, "host:port", "https://host:port" or "10.20.0.0/16", or {endpoint: STRING}, which says nothing of a registry
// of that name.
type Insecure struct {
	Value string // as written
	Only  bool   // it may be asked as an endpoint, and no registry of its name gets a hosts.toml for it

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
	// IP address that the names stand for.
	Address string `json:"address"`
	// Host names.
	Names []string `json:"names"`

	Pos Position `json:"-"`
}

// Duration is a time as Go writes it: 3s, 1m30s.
type Duration time.Duration
