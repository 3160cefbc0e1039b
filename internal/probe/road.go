package probe

import (
	"time"

	"github.com/regsync/regsync/render"
)

// Road is the road of one pull.
type Road struct {
	Image      string // the reference in full
	Runtime    string // containerd, microk8s or docker
	Version    string // the runtime's, as it was said; empty: not known
	Directory  string // of certs.d, as the node names it; empty: none is taken
	File       string // what is read of it: its hosts.toml, or daemon.json; empty: nothing
	PassedOver []Passed
	Endpoints  []Endpoint
	Notes      []string // what is ignored, what depends on the version
	Probed     bool
	ResolvedBy string // the endpoint that said which digest the name stands for
	ServedBy   string // the endpoint that gave the manifest
	LayersBy   string // the endpoint that has the layers
	Error      string // what every pull fails with; empty: nothing is known to
	Verdict    string // all of it in one sentence
}

// Passed is a directory that could have been taken.
type Passed struct{ Path, Why string }

// Endpoint is one place that is asked.
type Endpoint struct {
	URL          string // the API root
	Capabilities []string
	TLS          string // in words
	Credentials  string // in words: never the credential itself
	Headers      []string
	Upstream     bool // it is asked since nothing else is: the registry itself, or what server names
	Probe        *Answer
}

// Answer is what an endpoint says when it is asked alone.
type Answer struct {
	OK     bool // it has the image
	Status int  // of HTTP; 0: no answer
	Error  string
	Took   time.Duration
}

// Node is what is known of a node and its runtime.
type Node struct {
	Root      string // where its file system is mounted
	Runtime   string
	Version   render.Version // zero: not known
	Said      string         // the version as the runtime says it
	Dirs      []string       // the directories that config_path names, as the node names them; none: certs.d is not read
	List      string         // config_path, where it names several
	Inline    *render.RegistryConfig
	Config    string // containerd's config, of which the last two are
	Notes     []string
	HostsFile []byte // the node's, where it is another machine's file system
	Broken    string // why no pull can be: the CRI is not there

	prefix string // what stands before Dirs, where the root could not be changed
}

// Options are how a road is explained.
type Options struct {
	Probe bool
	Limit time.Duration // how long a connection may take to come about; 0: 5 s
}
