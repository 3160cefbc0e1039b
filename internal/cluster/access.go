package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// Access says where the way to the API server may be found. The first that there is counts.
type Access struct {
	// Kubeconfig is a path on the node; empty: the spec names none.
	Kubeconfig string

	// Variable is what KUBECONFIG says: paths on this machine, with colons between them.
	Variable string

	// Usual is where a kubeconfig stands on the node if nobody says another place; empty: nowhere.
	Usual string

	// Read gives a file of the node. The error of one that is not there is [fs.ErrNotExist].
	Read func(name string) ([]byte, error)
}

// ErrNoAccess says that there is no way to an API server: no kubeconfig, and no service account of a pod.
var ErrNoAccess = errors.New("there is no kubeconfig")

// config finds the way to the API server.
func (a Access) config() (*rest.Config, error) {
	if a.Kubeconfig != "" {
		return a.file(a.Kubeconfig)
	}
	if a.Variable != "" {
		rules := clientcmd.ClientConfigLoadingRules{Precedence: filepath.SplitList(a.Variable)}
		loaded, err := rules.Load()
		if err != nil {
			return nil, fmt.Errorf("reading KUBECONFIG (%s): %w", a.Variable, err)
		}
		if len(loaded.Clusters) > 0 { // the variable may name files that are not there
			return settle("KUBECONFIG ("+a.Variable+")", *loaded)
		}
	}
	missing := ErrNoAccess
	if a.Usual != "" {
		config, err := a.file(a.Usual)
		if !errors.Is(err, ErrNoAccess) {
			return config, err
		}
		missing = err
	}
	config, err := rest.InClusterConfig()
	if errors.Is(err, rest.ErrNotInCluster) {
		return nil, missing
	}
	return config, err
}

// file reads a kubeconfig of the node, and the files that it names.
func (a Access) file(name string) (*rest.Config, error) {
	data, err := a.Read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %q is not there", ErrNoAccess, name)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	loaded, err := clientcmd.Load(data)
	if err != nil {
		return nil, fmt.Errorf("reading %q: it is no kubeconfig", name) // the parser's words may quote a key
	}
	if err := a.inline(loaded, path.Dir(name)); err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	return settle(name, *loaded)
}

// inline puts what stands in other files of the node into a kubeconfig that stands in dir: the node may be mounted elsewhere.
func (a Access) inline(c *api.Config, dir string) error {
	var errs []error
	take := func(file *string, data *[]byte) {
		if *file == "" || len(*data) > 0 {
			*file = ""
			return
		}
		name := *file
		if !path.IsAbs(name) {
			name = path.Join(dir, name)
		}
		text, err := a.Read(name)
		if err != nil {
			errs = append(errs, fmt.Errorf("reading %q: %w", name, err))
		}
		*file, *data = "", text
	}
	for _, cluster := range c.Clusters {
		take(&cluster.CertificateAuthority, &cluster.CertificateAuthorityData)
	}
	for _, user := range c.AuthInfos {
		take(&user.ClientCertificate, &user.ClientCertificateData)
		take(&user.ClientKey, &user.ClientKeyData)
		token := []byte(user.Token)
		take(&user.TokenFile, &token)
		user.Token = strings.TrimSpace(string(token))
	}
	return errors.Join(errs...)
}

// settle gives the way that the current context of a kubeconfig says.
func settle(name string, c api.Config) (*rest.Config, error) {
	config, err := clientcmd.NewDefaultClientConfig(c, nil).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	return config, nil
}
