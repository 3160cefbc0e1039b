package node

import (
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/regsync/regsync/render"
)

// kubeletConfig is where kubeadm puts kubelet's config.
const kubeletConfig = "/var/lib/kubelet/config.yaml"

// Kubelet reads what kubelet demands of images that it did not pull itself. Where its config is not found, or cannot be read, that is nothing:
// so does Kubernetes by default.
func (r *Root) Kubelet(runtime render.Runtime) render.Verification {
	file := kubeletConfig
	if runtime == render.MicroK8s {
		file = r.microk8sKubelet()
	}
	if file == "" {
		return render.Verification{}
	}
	live, err := r.Read(file)
	if err != nil {
		return render.Verification{}
	}
	var config struct {
		Policy  string   `json:"imagePullCredentialsVerificationPolicy"`
		Allowed []string `json:"preloadedImagesVerificationAllowlist"`
	}
	if yaml.Unmarshal(live.Data, &config) != nil {
		return render.Verification{}
	}
	return render.Verification{File: file, Policy: config.Policy, Allowed: config.Allowed}
}

// microk8sKubelet gives the config that MicroK8s starts kubelet with; empty: it has flags only.
func (r *Root) microk8sKubelet() string {
	live, err := r.Read(SnapData + "/args/kubelet")
	if err != nil {
		return ""
	}
	file := ""
	words := strings.Fields(strings.ReplaceAll(string(live.Data), "=", " "))
	for i, w := range words[:max(len(words)-1, 0)] {
		if w == "--config" {
			file = strings.Trim(Expand(words[i+1]), `"'`) // the last one holds
		}
	}
	return file
}
