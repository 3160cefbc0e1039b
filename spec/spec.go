package spec

// Version is the only apiVersion that this build reads, Kind the only kind.
const (
	Version = "regsync/v1alpha1"
	Kind    = "NodeRegistries"
)

// Spec is what one node should know about container registries. It is the file (or files) of the user, loaded, defaulted and
// found consistent. A Spec that [Load] returned without an error needs no further check that can be made without a node.
type Spec struct {
	// Version of this format.
	APIVersion string `json:"apiVersion"`
	// Kind of this file.
	Kind string `json:"kind"`

	// What stands where on the node. All of it is optional.
	Node Node `json:"node,omitzero"`
	// How the cluster's objects are reached. Only pullSecrets and addons need it.
	Cluster Cluster `json:"cluster,omitzero"`

	// Registries, by the names that stand in image references.
	Registries []Registry `json:"registries,omitempty"`
	// Who serves a registry's images, in order.
	Mirrors []Mirror `json:"mirrors,omitempty"`
	// The only endpoints that may be plain http (host:port), or TLS that is not verified (https://host:port). A CIDR is for Docker only. As {endpoint: …} an entry makes no registry known.
	Insecure []Insecure `json:"insecure,omitempty"`
	// Further lines of /etc/hosts.
	EtcHosts []HostsLine `json:"etcHosts,omitempty"`

	// Where user names and passwords come from.
	Credentials []Credential `json:"credentials,omitempty"`
	// Images that are to be in the node's image store.
	Preload []Preload `json:"preload,omitempty"`
	// Secrets for pods and service accounts.
	PullSecrets []PullSecret `json:"pullSecrets,omitempty"`

	// MicroK8s' add-ons that have to do with registries.
	Addons Addons `json:"addons,omitzero"`
	// Test pulls.
	Verify Verify `json:"verify,omitzero"`
	// What an apply may do.
	Policy Policy `json:"policy,omitzero"`
	// Parts that hold for some nodes only. They are merged in order.
	Overlays []Overlay `json:"overlays,omitempty"` // empty after Load

	Overlaid []Position      `json:"-"` // of the overlays that hold for this node
	Refs     []FileRef       `json:"-"` // the files that it names, with their places: see Files
	Beside   map[string]bool `json:"-"` // paths that were written relative: beside the file, and not on the node as absolute ones
}

// Node says what stands where on the node. Everything in it is optional.
type Node struct {
	// What runs the pods. auto: MicroK8s if it is there, else a containerd with CRI.
	Runtime string `json:"runtime,omitempty" default:"auto" enum:"auto,microk8s,containerd,none"`
	// Where containerd's things are. Without a key: as found on the node.
	Containerd Containerd `json:"containerd,omitzero"`
	// The Docker daemon beside Kubernetes.
	Docker Docker `json:"docker,omitzero"`
	// Absolute path of the hosts file.
	HostsFile string `json:"hostsFile,omitempty" default:"/etc/hosts"`
}

// Containerd overrides where containerd's things are. An empty field means: as found on the node.
type Containerd struct {
	// Absolute path of the gRPC socket.
	Socket string `json:"socket,omitempty"`
	// Absolute path of the directory that config_path names.
	CertsDir string `json:"certsDir,omitempty"`
	// Absolute path of config.toml, or of MicroK8s' containerd-template.toml.
	ConfigFile string `json:"configFile,omitempty"`
	// Namespace of the image store.
	Namespace string `json:"namespace,omitempty" default:"k8s.io"`
}

// Docker says whether the Docker daemon beside Kubernetes is configured too.
type Docker struct {
	// auto: where Docker is installed.
	Manage string `json:"manage,omitempty" default:"auto" enum:"auto,always,never"`
	// Absolute path of the daemon's configuration.
	ConfigFile string `json:"configFile,omitempty" default:"/etc/docker/daemon.json"`
	// Absolute path of the daemon's socket. Without it: as found on the node.
	Socket string `json:"socket,omitempty"`
}

// Overlay is a part of the file that holds for some nodes only.
type Overlay struct {
	// Nodes that the overlay is for.
	Match Match `json:"match"`
	// What it changes: mappings merge, lists merge by the names of their entries, null deletes a key.
	Merge Patch `json:"merge"`
}

// Patch is what an overlay changes: the same keys as in the file. Load merges it and keeps nothing of it.
type Patch struct{}

// Match says which nodes an overlay is for. All keys that are given must hold.
type Match struct {
	// Glob for the host name.
	Hostname string `json:"hostname,omitempty"`
	// Labels of the Kubernetes node, all of them.
	NodeLabels map[string]string `json:"nodeLabels,omitempty"`
	// Absolute path of a file that exists on the node.
	File string `json:"file,omitempty"`
}
