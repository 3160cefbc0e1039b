package render

import (
	"fmt"

	"github.com/regsync/regsync/spec"
)

// Runtime says whose containerd the node runs.
type Runtime string

// The runtimes.
const (
	NoRuntime  Runtime = "none"
	MicroK8s   Runtime = "microk8s"
	Containerd Runtime = "containerd"
)

// Layout says where things stand on the node, as absolute paths without --root.
type Layout struct {
	Runtime    Runtime
	CertsDir   string // the directory that config_path names, or shall name
	ConfigFile string // config.toml, or MicroK8s' containerd-template.toml
	ConfigPath string // what is written for CertsDir into ConfigFile: the same path, or one with ${SNAP_DATA}
	HostsFile  string
	DaemonJSON string // empty: Docker is not managed
}

// Inputs is the node as rendering sees it: what would stand there without us ("base"), and the files that the spec names.
type Inputs struct {
	Layout Layout

	// Containerd is the running version; the zero Version where it cannot be asked.
	Containerd Version

	// Config is the base of Layout.ConfigFile; nil: no such file.
	Config []byte

	// Imports is the base of what Config imports, in the order in which containerd loads it.
	Imports []Import

	// Dirs is the base of the directories of Layout.CertsDir, by name.
	Dirs map[string]Dir

	// Singly holds back a file that cannot be edited, and renders all others; else it is an error.
	Singly bool

	// DaemonJSON is the base of Layout.DaemonJSON; nil: no such file.
	DaemonJSON []byte

	// HostsFile is the base of Layout.HostsFile; nil: no such file.
	HostsFile []byte

	// Platform is the node's, as os/arch[/variant]. Archives are the files that preload names, as far as they could be read.
	Platform string
	Archives []Archive

	// Nodes are the cluster's other nodes, for what preload brings to all of them.
	Nodes []Neighbour

	// Namespaces are the cluster's, as far as pull secrets are for them; none where nobody looks after them here.
	Namespaces []Namespace

	// Files holds the PEM files that the spec names, by path as in the spec.
	Files map[string][]byte

	// Credentials holds what the credentials give, by the place that names one, a path of [spec.Spec.CredentialUses] or
	// [spec.Spec.SecretUses].
	Credentials map[string]Login
}

// Neighbour is another node of the cluster.
type Neighbour struct {
	Name string
	Arch string // such as arm64; empty: not known
}

// Dir is one directory of certs.d.
type Dir struct {
	Hosts []byte   // hosts.toml; nil: none
	Files []string // names of the other files in it, sorted
}

// Version is a containerd version. The zero Version is an unknown one.
type Version struct{ Major, Minor, Patch int }

// Known reports whether the version is known.
func (v Version) Known() bool { return v != Version{} }

// String gives MAJOR.MINOR.PATCH.
func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch) }

// Before reports whether a known version is older than major.minor.
func (v Version) Before(major, minor int) bool {
	return v.Known() && (v.Major < major || v.Major == major && v.Minor < minor)
}

// Desired is what rendering gives.
type Desired struct {
	Resources []Resource
	Warnings  []*spec.Problem
	Held      []Held // what cannot be done now
}
