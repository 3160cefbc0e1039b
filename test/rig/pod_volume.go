package rig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

type podMount struct {
	Name, MountPath, MountPropagation string
	ReadOnly                          bool
}

type podVolume struct {
	Name      string
	HostPath  *struct{ Path, Type string }
	EmptyDir  *struct{ Medium string }
	Projected *struct {
		Sources []struct {
			ConfigMap, Secret *struct {
				Name     string
				Optional bool
			}
		}
	}
}

// accountDir is where a pod finds the token of its service account.
const accountDir = "/var/run/secrets/kubernetes.io/serviceaccount"

// mounts lays out the volumes of a container, and says how they are mounted.
func (p *Pod) mounts(ctx context.Context, c podContainer) ([]*cri.Mount, error) {
	account := filepath.Join(p.dir, "account")
	hosts := filepath.Join(p.dir, "hosts")
	if err := errors.Join(p.layAccount(ctx, account), p.layHosts(hosts)); err != nil {
		return nil, err
	}
	all := []*cri.Mount{{HostPath: account, ContainerPath: accountDir, Readonly: true}, {HostPath: hosts, ContainerPath: "/etc/hosts"}}
	for _, m := range c.VolumeMounts {
		host, err := p.volume(ctx, m.Name)
		if err != nil {
			return nil, fmt.Errorf("volume %q: %w", m.Name, err)
		}
		mount := &cri.Mount{HostPath: host, ContainerPath: m.MountPath, Readonly: m.ReadOnly}
		if m.MountPropagation == "HostToContainer" {
			mount.Propagation = cri.MountPropagation_PROPAGATION_HOST_TO_CONTAINER
		}
		all = append(all, mount)
	}
	return all, nil
}

// layHosts writes the hosts file of a pod in the node's network: the node's own, as it is when the pod starts.
func (p *Pod) layHosts(name string) error {
	text, err := os.ReadFile("/etc/hosts")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append([]byte("# Kubernetes-managed hosts file (host network).\n"), text...), 0o644)
}

// layAccount writes what a pod needs to be its service account. The token is bound to the pod, and by that to the node.
func (p *Pod) layAccount(ctx context.Context, dir string) error {
	path := "/api/v1/namespaces/" + p.object.Metadata.Namespace + "/serviceaccounts/" + p.object.Spec.ServiceAccountName + "/token"
	answer, err := p.kube.Do(ctx, http.MethodPost, path, map[string]any{
		"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
		"spec": map[string]any{"boundObjectRef": map[string]any{
			"apiVersion": "v1", "kind": "Pod", "name": p.object.Metadata.Name, "uid": p.object.Metadata.UID,
		}},
	})
	if err != nil {
		return err
	}
	var request struct{ Status struct{ Token string } }
	if err := json.Unmarshal(answer, &request); err != nil {
		return err
	}
	return swap(dir, map[string][]byte{"token": []byte(request.Status.Token), "ca.crt": p.kube.CA(), "namespace": []byte(p.object.Metadata.Namespace)})
}

// volume lays out a volume, and gives its directory.
func (p *Pod) volume(ctx context.Context, name string) (string, error) {
	for _, v := range p.object.Spec.Volumes {
		if v.Name != name {
			continue
		}
		switch {
		case v.HostPath != nil && v.HostPath.Type == "DirectoryOrCreate":
			return v.HostPath.Path, os.MkdirAll(v.HostPath.Path, 0o755)
		case v.HostPath != nil:
			_, err := os.Stat(v.HostPath.Path)
			return v.HostPath.Path, err
		case v.EmptyDir != nil:
			dir := filepath.Join(p.dir, name)
			return dir, errors.Join(os.MkdirAll(dir, 0o777), os.Chmod(dir, 0o777))
		case v.Projected != nil:
			return filepath.Join(p.dir, name), p.Project(ctx)
		}
	}
	return "", errors.New("the rig has no such kind of volume")
}

// Project lays out the projected volumes of the pod, or brings them up to what the API server has now, as kubelet does every minute.
func (p *Pod) Project(ctx context.Context) error {
	for _, v := range p.object.Spec.Volumes {
		if v.Projected == nil {
			continue
		}
		files := map[string][]byte{}
		for _, s := range v.Projected.Sources {
			kind, source := "configmap", s.ConfigMap
			if s.Secret != nil {
				kind, source = "secret", s.Secret
			}
			if source == nil {
				continue // the token, which is laid out by itself
			}
			if err := p.project(ctx, kind, source.Name, source.Optional, files); err != nil {
				return err
			}
		}
		if err := swap(filepath.Join(p.dir, v.Name), files); err != nil {
			return err
		}
	}
	return nil
}

func (p *Pod) project(ctx context.Context, kind, name string, optional bool, files map[string][]byte) error {
	text, err := p.kube.Get(ctx, kind, p.object.Metadata.Namespace+"/"+name)
	if refused := (*StatusError)(nil); errors.As(err, &refused) && refused.Code == http.StatusNotFound && optional {
		return nil
	}
	if err != nil {
		return err
	}
	if kind == "secret" {
		var secret struct{ Data map[string][]byte }
		err = json.Unmarshal(text, &secret)
		for key, value := range secret.Data {
			files[key] = value
		}
		return err
	}
	var config struct{ Data map[string]string }
	err = json.Unmarshal(text, &config)
	for key, value := range config.Data {
		files[key] = []byte(value)
	}
	return err
}

// swap brings files into a directory as kubelet does (pkg/volume/util/atomic_writer.go): they lie in a directory with a new name, to which
// the link ..data is moved, and under their own names there are links through it. The directory is anybody's to write to, and is mounted read-only.
func swap(dir string, files map[string][]byte) error {
	if err := errors.Join(os.MkdirAll(dir, 0o777), os.Chmod(dir, 0o777)); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(dir, "..2026_")
	if err != nil {
		return err
	}
	if err := os.Chmod(fresh, 0o755); err != nil {
		return err
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(fresh, name), data, 0o400); err != nil {
			return err
		}
	}
	old, _ := os.Readlink(filepath.Join(dir, "..data")) // none at first
	next := filepath.Join(dir, "..data_tmp")
	if err := errors.Join(os.Symlink(filepath.Base(fresh), next), os.Rename(next, filepath.Join(dir, "..data"))); err != nil {
		return err
	}
	for name := range files {
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	if old == "" {
		return nil
	}
	return os.RemoveAll(filepath.Join(dir, old))
}
