package node

import (
	"errors"
	"path"
	"strings"

	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// Place is where a node keeps what regsync looks after.
type Place struct {
	render.Layout
	Socket  string          // containerd's gRPC socket; empty where there is no runtime
	Waiting string          // why there is no runtime though one is wanted; empty otherwise
	Imports []render.Import // what containerd's config imports, in the order in which it is loaded
}

// MicroK8s' tree. SnapData is a link to the snap's revision, which changes at each refresh: it is never resolved by us.
const (
	SnapData   = "/var/snap/microk8s/current"
	SnapCommon = "/var/snap/microk8s/common"
)

// The places of a containerd that was installed by itself.
const (
	containerdConfig = "/etc/containerd/config.toml"
	containerdCerts  = "/etc/containerd/certs.d"
	containerdSocket = "/run/containerd/containerd.sock"
)

// containerdSigns are the files of which one is there where containerd is installed. Its config is another.
var containerdSigns = []string{
	containerdSocket,
	"/usr/bin/containerd", "/usr/local/bin/containerd", "/usr/sbin/containerd", "/opt/containerd/bin/containerd",
	"/usr/lib/systemd/system/containerd.service", "/lib/systemd/system/containerd.service", "/etc/systemd/system/containerd.service",
}

// ErrTwoRuntimes is the error of a node on which runtime: auto cannot choose.
var ErrTwoRuntimes = errors.New("MicroK8s and a containerd of its own are both on this node")

// Find works out where things are, from what the spec says and what is on the node. base gives a file as it would be without
// us. Docker says whether its daemon.json is to be looked after.
func (r *Root) Find(n spec.Node, docker bool, base func(name string) ([]byte, error)) (Place, error) {
	p := Place{Layout: render.Layout{Runtime: render.NoRuntime, HostsFile: n.HostsFile}}
	if docker {
		p.DaemonJSON = n.Docker.ConfigFile
	}
	runtime, waiting, err := r.runtime(n, base)
	if err != nil {
		return p, err
	}
	p.Runtime, p.Waiting = runtime, waiting
	switch runtime {
	case render.MicroK8s:
		p.ConfigFile, p.CertsDir = SnapData+"/args/containerd-template.toml", SnapData+"/args/certs.d"
		p.ConfigPath = "${SNAP_DATA}/args/certs.d"
		p.Socket = r.microk8sSocket()
	case render.Containerd:
		p.ConfigFile, p.CertsDir, p.Socket = containerdConfig, containerdCerts, containerdSocket
	default:
		return p, nil
	}
	override(&p.ConfigFile, n.Containerd.ConfigFile)
	if err := r.fromConfig(&p, base); err != nil {
		return p, err
	}
	if n.Containerd.CertsDir != "" {
		p.CertsDir, p.ConfigPath = n.Containerd.CertsDir, n.Containerd.CertsDir
	}
	if p.ConfigPath == "" {
		p.ConfigPath = p.CertsDir
	}
	override(&p.Socket, n.Containerd.Socket)
	return p, nil
}

func override(field *string, value string) {
	if value != "" {
		*field = value
	}
}

// runtime decides whose containerd it is, and if it is nobody's yet, what is waited for.
func (r *Root) runtime(n spec.Node, base func(string) ([]byte, error)) (render.Runtime, string, error) {
	microk8s := r.Exists(SnapData + "/args")
	switch n.Runtime {
	case "none":
		return render.NoRuntime, "", nil
	case "microk8s":
		if !microk8s {
			return render.NoRuntime, "MicroK8s is not on this node yet: " + SnapData + "/args is not there", nil
		}
		return render.MicroK8s, "", nil
	case "containerd":
		return render.Containerd, "", nil
	}
	config := containerdConfig
	override(&config, n.Containerd.ConfigFile)
	// A config that only we have made says nothing about the node.
	exists := func(name string) bool {
		data, err := base(name)
		return err != nil || data != nil
	}
	configured := exists(config)
	installed := configured || exists(containerdConfig)
	for _, sign := range append(containerdSigns, n.Containerd.Socket) {
		installed = installed || sign != "" && r.Exists(sign)
	}
	if installed && r.criDisabled(config, base) {
		installed, configured = false, false // it serves Docker alone
	}
	switch {
	// A containerd that came with a package of Docker's has no config of its own. Beside MicroK8s it is not Kubernetes'.
	case microk8s && configured && n.Containerd.ConfigFile == "":
		return render.NoRuntime, "", ErrTwoRuntimes
	case microk8s:
		return render.MicroK8s, "", nil
	case installed:
		return render.Containerd, "", nil
	}
	return render.NoRuntime, "no container runtime is on this node yet: neither MicroK8s nor a containerd whose CRI is enabled", nil
}

func (r *Root) criDisabled(config string, base func(string) ([]byte, error)) bool {
	p := Place{Layout: render.Layout{Runtime: render.Containerd, ConfigFile: config}}
	c, ok, err := r.config(&p, base)
	return err == nil && ok && c.Disabled
}

// config reads containerd's config with what it imports, as containerd joins them. A config that is not there, or cannot be
// read, gives false: rendering says what is wrong with it, if it is needed.
func (r *Root) config(p *Place, base func(string) ([]byte, error)) (render.RegistryConfig, bool, error) {
	data, err := base(p.ConfigFile)
	if err != nil || data == nil {
		return render.RegistryConfig{}, false, err
	}
	if p.Imports, err = r.Imports(p.Layout, base); err != nil {
		return render.RegistryConfig{}, false, err
	}
	c, err := render.Effective(p.ConfigFile, data, p.Imports, render.Version{})
	return c, err == nil, nil
}

// fromConfig takes from containerd's config what it says of the socket and of the directory of registries.
func (r *Root) fromConfig(p *Place, base func(string) ([]byte, error)) error {
	c, ok, err := r.config(p, base)
	if err != nil || !ok {
		return err
	}
	if p.Runtime == render.Containerd {
		override(&p.Socket, c.Address)
	}
	dir, _, _ := strings.Cut(c.Path, ":")
	if (c.State == render.ConfigOnePath || c.State == render.ConfigColonList || c.State == render.ConfigBoth) && dir != "" {
		if real := Expand(dir); !strings.Contains(real, "${") && !isRevision(real) && path.IsAbs(real) {
			p.CertsDir = path.Clean(real)
			p.ConfigPath = dir
		}
	}
	return nil
}

// isRevision reports whether a path is below one revision of the snap, and so is lost at its next refresh.
func isRevision(name string) bool {
	rest, ok := strings.CutPrefix(name, "/var/snap/microk8s/")
	if !ok {
		return false
	}
	first, _, _ := strings.Cut(rest, "/")
	return first != "current" && first != "common"
}

// Expand replaces the placeholders that MicroK8s replaces when it starts containerd, and that are the same on every node.
func Expand(s string) string {
	return strings.NewReplacer("${SNAP_DATA}", SnapData, "${SNAP_COMMON}", SnapCommon).Replace(s)
}

// microk8sSocket reads the socket from the arguments with which MicroK8s starts containerd.
func (r *Root) microk8sSocket() string {
	socket := SnapCommon + "/run/containerd.sock"
	live, err := r.Read(SnapData + "/args/containerd")
	if err != nil {
		return socket
	}
	args := strings.Fields(string(live.Data))
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, "--address="); ok {
			socket = v
		} else if a == "--address" && i+1 < len(args) {
			socket = args[i+1]
		}
	}
	return Expand(strings.Trim(socket, `"'`))
}
