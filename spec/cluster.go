package spec

// Cluster says how the cluster's objects are reached and whose they are. It matters for pull secrets and add-ons only.
type Cluster struct {
	// Which node writes the cluster's objects. auto: one of those that have a kubeconfig; always: this one; never: not this one.
	Manage string `json:"manage,omitempty" default:"auto" enum:"auto,always,never"`
	// Owner of the objects. Objects of another owner are never touched.
	Owner string `json:"owner,omitempty" default:"regsync"`
	// Absolute path of a kubeconfig. Without it the node's own is used.
	Kubeconfig string `json:"kubeconfig,omitempty"`
}

// Credential is where a user name and a password come from. The password itself never stands in the file.
// Give username and password, or dockerConfig, or helper.
type Credential struct {
	// Name by which registries, endpoints and pull secrets refer to it.
	Name string `json:"name"`
	// Registries that it is for. Without it: every registry that names it.
	Registries []string `json:"registries,omitempty"`
	// User name; needs password.
	Username string `json:"username,omitempty"`
	// Where the password comes from.
	Password *Secret `json:"password,omitempty"`
	// Path of a Docker config.json, whose auths, credHelpers and credsStore are used.
	DockerConfig string `json:"dockerConfig,omitempty"`
	// NAME of a program docker-credential-NAME.
	Helper string `json:"helper,omitempty"`

	Pos Position `json:"-"`
}

// Secret is the source of a secret value. Exactly one key is given.
type Secret struct {
	// Path of a file that holds the value. A newline at its end does not count.
	File string `json:"file,omitempty"`
	// Name of an environment variable.
	Env string `json:"env,omitempty"`
	// Program and arguments that print the value. No shell is used.
	Command []string `json:"command,omitempty"`
	// Name of a systemd credential, as in LoadCredential=NAME:PATH.
	Systemd string `json:"systemd,omitempty"`
}

// PullSecret is a secret of type kubernetes.io/dockerconfigjson in some namespaces.
// Give namespaces or namespaceSelector.
type PullSecret struct {
	// Name of the secret.
	Name string `json:"name"`
	// Names of the credentials that it holds.
	Credentials []string `json:"credentials"`
	// Names and globs of namespaces.
	Namespaces []string `json:"namespaces,omitempty"`
	// Chooses namespaces by their labels.
	NamespaceSelector *LabelSelector `json:"namespaceSelector,omitempty"`
	// Service accounts to whose imagePullSecrets the secret is added.
	ServiceAccounts []string `json:"serviceAccounts,omitempty"`

	Pos Position `json:"-"`
}

// LabelSelector chooses objects by their labels.
type LabelSelector struct {
	// Labels that an object must have, all of them.
	MatchLabels map[string]string `json:"matchLabels"`
}

// Addons are MicroK8s' add-ons that have to do with registries.
type Addons struct {
	// MicroK8s' built-in registry.
	Registry *RegistryAddon `json:"registry,omitempty"`
}

// RegistryAddon is MicroK8s' built-in registry.
type RegistryAddon struct {
	// Whether the add-on is enabled. Disabling it deletes its images.
	Enabled bool `json:"enabled"`
	// Size of its volume in whole Gi, at least 20Gi. It counts when the add-on is first enabled.
	Size string `json:"size,omitempty"`
	// Storage class of its volume. Without it: the cluster's default one.
	StorageClass string `json:"storageClass,omitempty"`

	Pos Position `json:"-"`
}
