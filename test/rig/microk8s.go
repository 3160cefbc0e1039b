package rig

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

var (
	//go:embed microk8s/containerd-template.toml
	template string
	//go:embed microk8s/daemon-containerd
	startScript string
	//go:embed microk8s/snap
	snapCommand string
)

// Paths of a MicroK8s node, all reached through the link that follows the snap's revision.
const (
	SnapData           = "/var/snap/microk8s/current"
	SnapCommon         = "/var/snap/microk8s/common"
	MicroK8sSocket     = SnapCommon + "/run/containerd.sock"
	microk8sRevision   = "8511"
	snapNotes          = "/run/rig-snap"
	templateConfigPath = `    config_path = "${SNAP_DATA}/args/certs.d"` + "\n"
)

// templateMirrors is how templates up to MicroK8s 1.22 named their registries.
const templateMirrors = `
    # 'plugins."io.containerd.grpc.v1.cri".registry.mirrors' are namespace to mirror mapping for all namespaces.
    [plugins."io.containerd.grpc.v1.cri".registry.mirrors]
      [plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]
        endpoint = ["https://registry-1.docker.io", ]
      [plugins."io.containerd.grpc.v1.cri".registry.mirrors."localhost:32000"]
        endpoint = ["http://localhost:32000"]
`

// Template returns containerd-template.toml in one of its forms: "stock" (config_path), "legacy" (inline mirrors, as
// on a node that was installed long ago), "both" (CRI does not come up on it) or "neither".
func Template(form string) (string, error) {
	registries := map[string]string{
		"stock":   templateConfigPath,
		"legacy":  templateMirrors,
		"both":    templateConfigPath + templateMirrors,
		"neither": "",
	}
	text, ok := registries[form]
	if !ok {
		return "", fmt.Errorf("template %q: no such form in this rig", form)
	}
	return strings.Replace(template, templateConfigPath, text, 1), nil
}

// LayMicroK8s writes the tree of a MicroK8s node below root, as the snap leaves it.
func LayMicroK8s(root, form string) error {
	text, err := Template(form)
	if err != nil {
		return err
	}
	snap := filepath.Join(root, "var/snap/microk8s")
	data := filepath.Join(snap, microk8sRevision)
	for name, content := range map[string]string{
		"args/containerd-template.toml": text,
		"args/containerd": "--config ${SNAP_DATA}/args/containerd.toml\n--root ${SNAP_COMMON}/var/lib/containerd\n" +
			"--state ${SNAP_COMMON}/run/containerd\n--address ${SNAP_COMMON}/run/containerd.sock\n",
		"args/ctr": "--address=${SNAP_COMMON}/run/containerd.sock\n--namespace k8s.io\n",
		"args/certs.d/docker.io/hosts.toml": "server = \"https://docker.io\"\n\n" +
			"[host.\"https://registry-1.docker.io\"]\n  capabilities = [\"pull\", \"resolve\"]\n\n",
		"args/certs.d/localhost:32000/hosts.toml": "server = \"http://localhost:32000\"\n\n" +
			"[host.\"http://localhost:32000\"]\n  capabilities = [\"pull\", \"resolve\"]\n\n",
		"var/lock/ha-cluster": "",
	} {
		name = filepath.Join(data, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(content), 0o660); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(snap, "common/run"), 0o755); err != nil {
		return err
	}
	return os.Symlink(microk8sRevision, filepath.Join(snap, "current"))
}

// MicroK8s is a node at MicroK8s' real paths, with a containerd that the stand-in of snapd's command restarts.
type MicroK8s struct {
	CRI *CRI
	Log string // path of containerd's log
}

// StartMicroK8s lays a node out at /var/snap, starts its containerd and waits for its CRI, unless the form is one on
// which CRI stays down. The snap command is put into bin, which the caller has on its PATH; dir is a real file system.
func StartMicroK8s(ctx context.Context, release Containerd, form, dir, bin string) (*MicroK8s, error) {
	program, err := release.Path(ctx)
	if err != nil {
		return nil, err
	}
	if err := LayMicroK8s(dir, form); err != nil {
		return nil, err
	}
	if err := os.MkdirAll("/var/snap", 0o755); err != nil {
		return nil, err
	}
	if err := unix.Mount(filepath.Join(dir, "var/snap"), "/var/snap", "", unix.MS_BIND, ""); err != nil {
		return nil, fmt.Errorf("mounting /var/snap: %w", err)
	}
	node := &MicroK8s{Log: filepath.Join(dir, "containerd.log")}
	if node.CRI, err = DialCRI(MicroK8sSocket); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(snapNotes, 0o755); err != nil {
		return nil, err
	}
	environment := fmt.Sprintf("export CONTAINERD='%s' LOG='%s'\n", program, node.Log)
	if err := os.WriteFile(filepath.Join(snapNotes, "environment"), []byte(environment), 0o644); err != nil {
		return nil, err
	}
	for name, text := range map[string]string{
		filepath.Join(snapNotes, "daemon-containerd"): startScript,
		filepath.Join(bin, "snap"):                    snapCommand,
	} {
		if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
			return nil, err
		}
	}
	service, err := StartDaemon(node.Log, "env", "CONTAINERD="+program, filepath.Join(snapNotes, "daemon-containerd"))
	if err != nil {
		return nil, err
	}
	pid := strconv.Itoa(service.Pid())
	if err := os.WriteFile(filepath.Join(snapNotes, "pid"), []byte(pid), 0o644); err != nil {
		return nil, err
	}
	return node, service.await(ctx, func(ctx context.Context) error {
		if form == "both" {
			return node.halfUp()
		}
		_, err := node.CRI.Version(ctx)
		return err
	})
}

// halfUp is the state of a node whose containerd answers, but has no CRI.
func (m *MicroK8s) halfUp() error {
	log, err := os.ReadFile(m.Log)
	if err == nil && !strings.Contains(string(log), "containerd successfully booted") {
		err = fmt.Errorf("not booted yet: %q", m.Log)
	}
	return err
}

// Kill ends containerd at once; the snap command starts it again.
func (m *MicroK8s) Kill() error {
	text, err := os.ReadFile(filepath.Join(snapNotes, "pid"))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	return unix.Kill(pid, unix.SIGKILL)
}

// Restarts is how often the snap command restarted containerd.
func (m *MicroK8s) Restarts() (int, error) {
	notes, err := os.ReadFile(filepath.Join(snapNotes, "restarts"))
	if os.IsNotExist(err) {
		return 0, nil
	}
	return strings.Count(string(notes), "\n"), err
}

// Next tells the snap command how the next count restarts are to go: "busy", "refresh", "wander", "fail", "kill" for whoever asks, or "down" for
// a containerd without CRI.
func (m *MicroK8s) Next(fate string, count int) error {
	return os.WriteFile(filepath.Join(snapNotes, fate), []byte(strconv.Itoa(count)+"\n"), 0o644)
}
