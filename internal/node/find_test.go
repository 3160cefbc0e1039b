package node

import (
	"errors"
	"strings"
	"testing"

	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

const (
	template = "var/snap/microk8s/17/args/containerd-template.toml"
	current  = "var/snap/microk8s/current"
	config   = "etc/containerd/config.toml"
)

func TestFind(t *testing.T) {
	microk8s := func(more map[string]string) map[string]string {
		files := map[string]string{current: "-> 17", template: "version = 2\n"}
		for name, text := range more {
			files[name] = text
		}
		return files
	}
	registry := func(path string) string {
		return "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"" + path + "\"\n"
	}
	const (
		snapArgs   = "/var/snap/microk8s/current/args/"
		snapSocket = "/var/snap/microk8s/common/run/containerd.sock"
	)
	stockSnap := render.Layout{
		Runtime: render.MicroK8s, ConfigFile: snapArgs + "containerd-template.toml", CertsDir: snapArgs + "certs.d", ConfigPath: "${SNAP_DATA}/args/certs.d",
	}
	stock := render.Layout{
		Runtime: render.Containerd, ConfigFile: "/etc/containerd/config.toml", CertsDir: "/etc/containerd/certs.d", ConfigPath: "/etc/containerd/certs.d",
	}
	at := func(l render.Layout, certs, configPath string) render.Layout {
		l.CertsDir, l.ConfigPath = certs, configPath
		return l
	}
	none := render.Layout{Runtime: render.NoRuntime}
	for name, tt := range map[string]struct {
		files   map[string]string
		node    spec.Node
		layout  render.Layout
		socket  string
		waiting string
		err     error
	}{
		"nothing":                {layout: none, waiting: "neither MicroK8s nor a containerd"},
		"nothing is wanted":      {files: microk8s(nil), node: spec.Node{Runtime: "none"}, layout: none},
		"MicroK8s":               {files: microk8s(nil), layout: stockSnap, socket: snapSocket},
		"MicroK8s, named":        {files: microk8s(map[string]string{config: "version = 2\n"}), node: spec.Node{Runtime: "microk8s"}, layout: stockSnap, socket: snapSocket},
		"MicroK8s is to come":    {files: map[string]string{config: ""}, node: spec.Node{Runtime: "microk8s"}, layout: none, waiting: "MicroK8s is not on this node yet"},
		"a dangling current":     {files: map[string]string{current: "-> 18"}, layout: none, waiting: "neither"},
		"containerd":             {files: map[string]string{config: "version = 2\n"}, layout: stock, socket: "/run/containerd/containerd.sock"},
		"containerd, no config":  {files: map[string]string{"usr/bin/containerd": ""}, layout: stock, socket: "/run/containerd/containerd.sock"},
		"containerd's unit":      {files: map[string]string{"usr/lib/systemd/system/containerd.service": ""}, layout: stock, socket: "/run/containerd/containerd.sock"},
		"containerd is to come":  {node: spec.Node{Runtime: "containerd"}, layout: stock, socket: "/run/containerd/containerd.sock"},
		"containerd, broken":     {files: map[string]string{config: "version = ”2”\n"}, layout: stock, socket: "/run/containerd/containerd.sock"},
		"Docker's containerd":    {files: map[string]string{config: "disabled_plugins = [\"cri\"]\n", "usr/bin/containerd": ""}, layout: none, waiting: "CRI is enabled"},
		"Docker's, but named":    {files: map[string]string{config: "disabled_plugins = [\"cri\"]\n"}, node: spec.Node{Runtime: "containerd"}, layout: stock, socket: "/run/containerd/containerd.sock"},
		"both":                   {files: microk8s(map[string]string{config: "version = 2\n"}), err: ErrTwoRuntimes, layout: none},
		"both, one of Docker's":  {files: microk8s(map[string]string{config: "disabled_plugins = [\"cri\"]\n"}), layout: stockSnap, socket: snapSocket},
		"both, one unconfigured": {files: microk8s(map[string]string{"usr/bin/containerd": ""}), layout: stockSnap, socket: snapSocket},
		"config_path elsewhere":  {files: map[string]string{config: registry("/srv/certs.d/")}, layout: at(stock, "/srv/certs.d", "/srv/certs.d/"), socket: "/run/containerd/containerd.sock"},
		"a list of directories":  {files: map[string]string{config: registry("/srv/certs.d:/etc/docker/certs.d")}, layout: at(stock, "/srv/certs.d", "/srv/certs.d"), socket: "/run/containerd/containerd.sock"},
		"a relative config_path": {files: map[string]string{config: registry("certs.d")}, layout: stock, socket: "/run/containerd/containerd.sock"},
		"SNAP_DATA":              {files: microk8s(map[string]string{template: registry("${SNAP_DATA}/args/certs.d")}), layout: stockSnap, socket: snapSocket},
		"SNAP_COMMON":            {files: microk8s(map[string]string{template: registry("${SNAP_COMMON}/certs.d")}), layout: at(stockSnap, "/var/snap/microk8s/common/certs.d", "${SNAP_COMMON}/certs.d"), socket: snapSocket},
		"a snap's revision":      {files: microk8s(map[string]string{template: registry("/var/snap/microk8s/17/args/certs.d")}), layout: stockSnap, socket: snapSocket},
		"another placeholder":    {files: microk8s(map[string]string{template: registry("${SNAP}/certs.d")}), layout: stockSnap, socket: snapSocket},
		"the socket in config":   {files: map[string]string{config: "version = 2\n[grpc]\naddress = \"/run/c.sock\"\n"}, layout: stock, socket: "/run/c.sock"},
		"--address ARG":          {files: microk8s(map[string]string{"var/snap/microk8s/17/args/containerd": "--config x\n--address ${SNAP_COMMON}/run/c.sock\n"}), layout: stockSnap, socket: "/var/snap/microk8s/common/run/c.sock"},
		"--address=ARG":          {files: microk8s(map[string]string{"var/snap/microk8s/17/args/containerd": "--address=\"/run/c.sock\"\n"}), layout: stockSnap, socket: "/run/c.sock"},
		"everything is said": {
			files:  map[string]string{"opt/c.toml": registry("/a")},
			node:   spec.Node{Runtime: "containerd", Containerd: spec.Containerd{Socket: "/opt/c.sock", CertsDir: "/opt/certs", ConfigFile: "/opt/c.toml"}},
			layout: render.Layout{Runtime: render.Containerd, ConfigFile: "/opt/c.toml", CertsDir: "/opt/certs", ConfigPath: "/opt/certs"}, socket: "/opt/c.sock",
		},
		"found by its socket": {
			files: map[string]string{"opt/c.sock": ""}, node: spec.Node{Containerd: spec.Containerd{Socket: "/opt/c.sock"}}, layout: stock, socket: "/opt/c.sock",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := openRoot(t, tree(t, tt.files))
			base := func(name string) ([]byte, error) {
				live, err := r.Read(name)
				return live.Data, err
			}
			tt.node.HostsFile, tt.layout.HostsFile = "/etc/hosts", "/etc/hosts"
			p, err := r.Find(tt.node, false, base)
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if p.Layout != tt.layout {
				t.Errorf("layout %+v\nwant %+v", p.Layout, tt.layout)
			}
			if p.Socket != tt.socket {
				t.Errorf("socket %q, want %q", p.Socket, tt.socket)
			}
			if (p.Waiting == "") != (tt.waiting == "") || !strings.Contains(p.Waiting, tt.waiting) {
				t.Errorf("waiting %q, want %q", p.Waiting, tt.waiting)
			}
		})
	}
}

func TestFindDocker(t *testing.T) {
	r := openRoot(t, t.TempDir())
	none := func(string) ([]byte, error) { return nil, nil }
	n := spec.Node{Runtime: "none", Docker: spec.Docker{ConfigFile: "/d.json"}}
	for docker, want := range map[bool]string{true: "/d.json", false: ""} {
		if p, err := r.Find(n, docker, none); err != nil || p.DaemonJSON != want {
			t.Errorf("Docker %v: %q, %v", docker, p.DaemonJSON, err)
		}
	}
}
