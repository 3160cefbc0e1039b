package node

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/regsync/regsync/render"
)

func TestKubelet(t *testing.T) {
	const config = "kind: KubeletConfiguration\nimagePullCredentialsVerificationPolicy: NeverVerifyAllowlistedImages\npreloadedImagesVerificationAllowlist: [harbor.corp/ours/*]\n"
	const file = "/var/snap/microk8s/current/args/kubelet-config"
	for _, test := range []struct {
		name    string
		runtime render.Runtime
		files   map[string]string
		from    string // empty: nothing is known
	}{
		{"kubeadm", render.Containerd, map[string]string{kubeletConfig: config}, kubeletConfig},
		{"no kubelet", render.Containerd, nil, ""},
		{"not said", render.Containerd, map[string]string{kubeletConfig: "kind: KubeletConfiguration\n"}, ""},
		{"not YAML", render.Containerd, map[string]string{kubeletConfig: "{"}, ""},
		{"MicroK8s without a config", render.MicroK8s, map[string]string{"/var/snap/microk8s/current/args/kubelet": "--cert-dir=${SNAP_DATA}/certs\n", kubeletConfig: config}, ""},
		{"MicroK8s", render.MicroK8s, map[string]string{"/var/snap/microk8s/current/args/kubelet": "--root-dir=/x\n--config=\"${SNAP_DATA}/args/kubelet-config\"\n--fail-swap-on=false", file: config}, file},
		{"MicroK8s, in two words", render.MicroK8s, map[string]string{"/var/snap/microk8s/current/args/kubelet": "--config /elsewhere\n--config ${SNAP_DATA}/args/kubelet-config\n", file: config}, file},
		{"MicroK8s, cut off", render.MicroK8s, map[string]string{"/var/snap/microk8s/current/args/kubelet": "--config"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range test.files {
				name = filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			root, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			v := root.Kubelet(test.runtime)
			if test.from == "" {
				if v.Policy != "" {
					t.Errorf("it says %q", v.Policy)
				}
				return
			}
			if v.File != test.from || v.Policy != "NeverVerifyAllowlistedImages" || !slices.Equal(v.Allowed, []string{"harbor.corp/ours/*"}) {
				t.Errorf("it says %+v", v)
			}
		})
	}
}
