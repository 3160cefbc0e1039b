package doctor

import (
	"io/fs"
	"net/netip"
	"time"

	"github.com/regsync/regsync/internal/probe"
	"github.com/regsync/regsync/render"
)

// Facts is a node as it was found. What could not be seen is empty: no rule speaks of it.
type Facts struct {
	Now     time.Time
	Live    bool // the node runs; else it is a file system that is only mounted
	Runtime render.Runtime
	Version render.Version // containerd's; zero: not known
	Down    string         // why a containerd that is there does not answer; empty: it does, or was not asked
	CRI     string         // why its CRI is not there; empty: it is, or was not asked

	Config      ContainerdConfig
	CertsDir    string // the directory that pulls look into
	Directories []Directory
	Others      []string // directories of a certs.d that no containerd of the node reads
	Left        []File   // hosts.toml files of other revisions of the snap, written after the snap left these
	Refreshed   string   // the revision that current leads to

	Hosts    File   // /etc/hosts
	Clouds   []File // cloud-init's configuration, in its order
	Template File   // that cloud-init makes /etc/hosts of
	Wanted   []Named
	Resolved map[string][]netip.Addr // by DNS, without /etc/hosts

	Proxies []Proxy
	Kubelet Kubelet
	Docker  Docker

	Certificates []Certificate
	Contacts     []Contact
	Own          []netip.Addr // addresses of this machine
	Listening    map[int]bool // local TCP ports, by number; nil: not known
	AddOn        *AddOn       // MicroK8s' built-in registry; nil: nobody could be asked

	Images    []Image
	Elsewhere map[string]int // images in namespaces that are not the CRI's
	Sideload  []Archive
	Disk      *Disk // nil: not known

	sites []site // of Directories, those with a hosts.toml
}

// File is a file of the node. Data is nil where there is none.
type File struct {
	Path     string
	Data     []byte
	Mode     fs.FileMode
	Modified time.Time
	Obstacle string // what stands there and is no file
}

// ContainerdConfig is what containerd is told.
type ContainerdConfig struct {
	File
	Imports   []render.Import
	Broken    error // why containerd cannot read it: a *spec.Problem
	Parsed    render.RegistryConfig
	Generated File   // what MicroK8s has made of its template
	Stale     string // why what runs is not what the file says
	Stopped   bool   // MicroK8s was told to stop
	Kubelet   bool   // a kubelet is on the node, which needs the CRI
	Dirs      []ConfiguredDir
}

// ConfiguredDir is a directory of config_path.
type ConfiguredDir struct {
	Path  string // placeholders replaced
	There bool
}

// Directory is one entry of certs.d.
type Directory struct {
	Path     string // as the node names it
	Name     string
	Plain    bool   // a file where the directory should be
	Dangling string // what it links to, and is not there
	Hosts    File
	Link     string // what hosts.toml links to, and is not there
	Files    []string
	Judged   []probe.Judged // by each major that counts
}

// Named is a host that a file of the node's or the spec names.
type Named struct {
	Host string // without port
	URL  string // empty: it is a name only
	Place
	Program   string // that asks it: containerd or dockerd
	Addressed bool   // the spec wants a line of /etc/hosts for it
}

// Proxy is a variable of a program's environment that sends its requests through a proxy.
type Proxy struct {
	Program string // containerd or dockerd
	Place          // where it is set
	HTTP    string // of the environment: HTTP_PROXY
	HTTPS   string
	Except  string // NO_PROXY
}

// Kubelet is what of kubelet's configuration matters to images.
type Kubelet struct {
	Threshold   int // percent of disk use from which images are collected; 0: the default
	ThresholdAt Place
	Verify      string // imagePullCredentialsVerificationPolicy
	VerifyAt    Place
}

// Place is a line of a file.
type Place struct {
	Path string
	Line int
}

// Certificate is a certificate in a file that certs.d names.
type Certificate struct {
	Path      string
	Line      int // of the certificate's beginning
	Subject   string
	NotBefore time.Time
	NotAfter  time.Time
}

// Contact is what an endpoint said, and where it is named.
type Contact struct {
	probe.Greeting
	Place
	Upstream bool // it is the last resort: server, or the registry itself
	Stock    bool // it is MicroK8s' own
}

// AddOn is MicroK8s' built-in registry as the cluster's objects show it.
type AddOn struct {
	Enabled bool
	Faults  []string // what of it is not there, or why it is not ready: its claim, its pod
}

// Image is one of containerd's store.
type Image struct {
	Name    string
	Pinned  bool
	Pulled  bool // it came from a registry, and can come again
	Missing int  // blobs that are not there
}

// Archive is a file in MicroK8s' directory for images.
type Archive struct {
	Path    string
	Age     time.Duration
	Problem string // why it is no archive; empty: it is one
}

// Disk is the file system that images lie on.
type Disk struct {
	Path      string
	Capacity  uint64
	Available uint64
}

// Docker is what is known of dockerd.
type Docker struct {
	Installed bool
	Config    File
	Refusal   error // why dockerd would not read its file
	Clash     string
	Flag      string // that says again what the file says; Clash says where
	Missing   []string
}

// may reports whether the containerd may be one before a version: it is, or it is not known.
func (f *Facts) may(major, minor int) bool {
	return !f.Version.Known() || f.Version.Before(major, minor)
}

// from reports whether the containerd is known to be of a version or later.
func (f *Facts) from(major, minor int) bool {
	return f.Version.Known() && !f.Version.Before(major, minor)
}

// who names the containerd.
func (f *Facts) who() string {
	if f.Version.Known() {
		return "containerd " + f.Version.String()
	}
	return "containerd"
}
