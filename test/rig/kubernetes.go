package rig

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const kubernetesModule = "k8s.io/kubernetes"

// KubePrograms are the programs of a control plane.
type KubePrograms struct {
	Etcd        string
	APIServer   string // of the release that test/components/kubernetes pins
	Controllers string // some of kube-controller-manager's, and the scheduler: see test/components/kubernetes/controllers
	Kubectl     string // of the same release; a control plane does not need it
}

// FindKube finds the programs of a control plane. It builds none: that takes minutes, see [BuildKube].
func FindKube() (KubePrograms, error) {
	etcd, err := exec.LookPath("etcd")
	if err != nil {
		return KubePrograms{}, err
	}
	p, _, err := kubePrograms()
	p.Etcd = etcd
	for _, program := range []string{p.APIServer, p.Controllers} {
		if err == nil {
			_, err = os.Stat(program)
		}
	}
	return p, err
}

// FindKubectl finds kubectl, which [BuildKube] builds.
func FindKubectl() (string, error) {
	p, _, err := kubePrograms()
	if err != nil {
		return "", err
	}
	_, err = os.Stat(p.Kubectl)
	return p.Kubectl, err
}

// BuildKube builds the API server, the controllers and kubectl from their Go module, where the cache lacks them.
func BuildKube(ctx context.Context) (KubePrograms, error) {
	p, folder, err := kubePrograms()
	if err != nil {
		return p, err
	}
	version, err := required(filepath.Join(folder, "go.mod"), kubernetesModule)
	if err != nil {
		return p, err
	}
	set := "-s -w -X k8s.io/component-base/version.gitVersion=v" + version
	for _, program := range []struct{ path, pkg string }{
		{p.APIServer, kubernetesModule + "/cmd/kube-apiserver"},
		{p.Controllers, "./controllers"},
		{p.Kubectl, kubernetesModule + "/cmd/kubectl"},
	} {
		if _, err := os.Stat(program.path); err == nil {
			continue
		}
		if err := goBuild(ctx, folder, program.path, set, program.pkg); err != nil {
			return p, err
		}
	}
	return p, nil
}

// kubePrograms are the places of what is built, and the folder that it is built in.
func kubePrograms() (KubePrograms, string, error) {
	root, err := sourceRoot()
	if err != nil {
		return KubePrograms{}, "", err
	}
	folder := filepath.Join(root, "test", "components", "kubernetes")
	version, err := required(filepath.Join(folder, "go.mod"), kubernetesModule)
	if err != nil {
		return KubePrograms{}, "", err
	}
	sources, err := filepath.Glob(filepath.Join(folder, "controllers", "*.go"))
	if err != nil {
		return KubePrograms{}, "", err
	}
	sum := sha256.New() // they are ours, and move without their module's version
	for _, name := range sources {
		source, err := os.ReadFile(name)
		if err != nil {
			return KubePrograms{}, "", err
		}
		sum.Write(source)
	}
	cache := filepath.Join(Cache(), "kubernetes-"+version)
	return KubePrograms{
		APIServer:   filepath.Join(cache, "kube-apiserver"),
		Controllers: filepath.Join(cache, fmt.Sprintf("controllers-%s", hex.EncodeToString(sum.Sum(nil)[:6]))),
		Kubectl:     filepath.Join(cache, "kubectl"),
	}, folder, nil
}
