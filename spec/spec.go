package spec

// Version is the only apiVersion that this build reads, Kind the only kind.
const (
	Version = "regsync/v1alpha1"
	Kind    = "NodeRegistries"
)

// Spec is what one node should know about container registries: the file (or files) of the user, loaded, defaulted and
// found consistent. A Spec that [Load] returned without an error needs no further check that can be made without a node.
type Spec struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`

	Node    Node    `json:"node,omitzero"`
	Cluster Cluster `json:"cluster,omitzero"`

	Registries []Registry  `json:"registries,omitempty"`
	Mirrors    []Mirror    `json:"mirrors,omitempty"`
	Insecure   []Insecure  `json:"insecure,omitempty"`
	EtcHosts   []HostsLine `json:"etcHosts,omitempty"`

	Credentials []Credential `json:"credentials,omitempty"`
	Preload     []Preload    `json:"preload,omitempty"`
	PullSecrets []PullSecret `json:"pullSecrets,omitempty"`

	Addons   Addons    `json:"addons,omitzero"`
	Verify   Verify    `json:"verify,omitzero"`
	Policy   Policy    `json:"policy,omitzero"`
	Overlays []Overlay `json:"overlays,omitempty"` // empty after Load: those that hold are merged

	Overlaid []Position      `json:"-"` // of the overlays that hold for this node
	Beside   map[string]bool `json:"-"` // paths that were written relative: beside the file, and not on the node as absolute ones
}

// Node says what stands where on the node. Everything in it is optional.
type Node struct {
	Runtime    string     `json:"runtime,omitempty" default:"auto" enum:"auto,microk8s,containerd,none"` // what runs the pods here
	Containerd Containerd `json:"containerd,omitzero"`
	Docker     Docker     `json:"docker,omitzero"`
	HostsFile  string     `json:"hostsFile,omitempty" default:"/etc/hosts"` // absolute path
}

// Containerd overrides where containerd's things are. An empty field means: as the runtime has it.
type Containerd struct {
	Socket     string `json:"socket,omitempty"`                     // absolute path of the gRPC socket
	CertsDir   string `json:"certsDir,omitempty"`                   // absolute path of the directory that config_path names
	ConfigFile string `json:"configFile,omitempty"`                 // absolute path of config.toml, or of MicroK8s' template
	Namespace  string `json:"namespace,omitempty" default:"k8s.io"` // of the image store
}

// Docker says whether the Docker daemon beside Kubernetes is configured too.
type Docker struct {
	Manage     string `json:"manage,omitempty" default:"auto" enum:"auto,always,never"` // auto: where Docker is installed
	ConfigFile string `json:"configFile,omitempty" default:"/etc/docker/daemon.json"`   // absolute path
	Socket     string `json:"socket,omitempty"`                                         // absolute path; empty: as Docker has it
}

// Overlay is a part of the file that holds for some nodes only. Overlays are merged, in order, before validation.
type Overlay struct {
	Match Match `json:"match"`
	Merge Patch `json:"merge"`
}

// Patch is what an overlay changes: the same keys as in the file. Load merges it and keeps nothing of it.
type Patch struct{}

// Match says which nodes an overlay is for. All fields that are given must hold.
type Match struct {
	Hostname   string            `json:"hostname,omitempty"`   // a glob
	NodeLabels map[string]string `json:"nodeLabels,omitempty"` // labels of the Kubernetes node
	File       string            `json:"file,omitempty"`       // a file that exists on the node
}
