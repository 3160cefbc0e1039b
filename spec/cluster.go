package spec

// Cluster says how the cluster's objects are reached and whose they are. It matters for pull secrets and add-ons only.
type Cluster struct {
	Manage     string `json:"manage,omitempty" default:"auto" enum:"auto,always,never"` // auto: one of the nodes that have a kubeconfig
	Owner      string `json:"owner,omitempty" default:"regsync"`                        // objects of another owner are never touched; default regsync
	Kubeconfig string `json:"kubeconfig,omitempty"`                                     // absolute path
}

// Credential is where a user name and a password come from. The password itself never stands in the file.
type Credential struct {
	Name         string   `json:"name"`
	Registries   []string `json:"registries,omitempty"` // default: every registries[].host that names it
	Username     string   `json:"username,omitempty"`
	Password     *Secret  `json:"password,omitempty"`
	DockerConfig string   `json:"dockerConfig,omitempty"` // path of a Docker config.json
	Helper       string   `json:"helper,omitempty"`       // NAME of a docker-credential-NAME program

	Pos Position `json:"-"`
}

// Secret is the source of a secret value. Exactly one field is given.
type Secret struct {
	File    string   `json:"file,omitempty"`
	Env     string   `json:"env,omitempty"`
	Command []string `json:"command,omitempty"` // argument vector; no shell
	Systemd string   `json:"systemd,omitempty"` // NAME of a systemd credential
}

// PullSecret is a kubernetes.io/dockerconfigjson secret in some namespaces.
type PullSecret struct {
	Name              string         `json:"name"`
	Credentials       []string       `json:"credentials"`
	Namespaces        []string       `json:"namespaces,omitempty"` // names and globs
	NamespaceSelector *LabelSelector `json:"namespaceSelector,omitempty"`
	ServiceAccounts   []string       `json:"serviceAccounts,omitempty"`

	Pos Position `json:"-"`
}

// LabelSelector chooses objects by their labels.
type LabelSelector struct {
	MatchLabels map[string]string `json:"matchLabels"`
}

// Addons are MicroK8s' add-ons that have to do with registries.
type Addons struct {
	Registry *RegistryAddon `json:"registry,omitempty"`
}

// RegistryAddon is MicroK8s' built-in registry.
type RegistryAddon struct {
	Enabled      bool   `json:"enabled"`
	Size         string `json:"size,omitempty"` // Gi, at least 20Gi
	StorageClass string `json:"storageClass,omitempty"`

	Pos Position `json:"-"`
}
