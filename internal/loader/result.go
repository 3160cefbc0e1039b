package loader

// Result is what containerd makes of one registry.
type Result struct {
	Directory string     // the directory that it takes, without its path; empty: none
	Endpoints []Endpoint // whom it asks, in order
	Logged    []string   // what it would only write to its log: LEVEL: MESSAGE: ERROR
	Panic     string     // why containerd ends at a pull of this registry; empty: it does not
}

// Sound reports whether containerd read everything, and without a word.
func (r Result) Sound() bool { return r.Panic == "" && len(r.Logged) == 0 }

// Endpoint is one place that containerd asks.
type Endpoint struct {
	URL          string   // the API root, scheme://host[:port]/path, without escapes: what comes before /REPOSITORY/manifests/…
	Capabilities []string // of pull, resolve, push, referrers
	SkipVerify   bool
	HasCA        bool // beside the system's roots
	HasClient    bool // a client certificate
	HTTPFallback bool // plain http, but asked by https first
	Header       map[string][]string
}
