package render

import "github.com/regsync/regsync/spec"

// Road is the way of one registry's pulls. It is worked out once from the spec, and written by target:
// as certs.d/HOST/hosts.toml, or inline into the config of a containerd that does not read certs.d.
type Road struct {
	Host    string     // as in image references, or "*"
	Mirrors []Endpoint // asked first, in order
	Server  *Endpoint  // asked last; nil: the registry itself as containerd takes it without our word (only for "*")
	Blocked bool       // nothing is pulled from here

	From spec.Position
	Why  string
}

// Endpoint is one place that containerd asks.
type Endpoint struct {
	URL          string              // scheme://host[:port][/path], no closing slash
	Root         bool                // the path is the API root as it stands: containerd must not add /v2
	Capabilities []string            // of pull, resolve, push
	CA           [][]byte            // PEM
	Cert, Key    []byte              // PEM; nil: none
	SkipVerify   bool                // TLS that is not verified
	Header       map[string][]string // sent with every request
	DialTimeout  spec.Duration       // 0: containerd's own
}
