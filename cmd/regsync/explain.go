package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/internal/probe"
	"github.com/regsync/regsync/internal/runtime"
	"github.com/regsync/regsync/internal/view"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// explanation is what the flags of explain say.
type explanation struct {
	probe      bool
	runtime    string
	containerd string
}

func (c *command) explainVerb() *cobra.Command {
	var x explanation
	verb := &cobra.Command{
		Use:   "explain IMAGE",
		Short: "Explain the road of one pull",
		Long: `explain shows the road of one pull on the node as it is: the directory of certs.d that containerd takes and those that it
passes over, the file, the endpoints in the order in which they are asked, TLS, credentials, what is ignored, and what becomes of it
all. containerd's own code reads the files. No file of regsync's is needed; where there is one, its node section counts.

Nobody is asked without --probe. With it, regsync resolves and fetches as containerd would, to the first byte of each layer, through
the proxies of its own environment: those of containerd's service cannot be known.

A pull that would fail is a finding, not an error: the exit code is 0 then too.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.explain(cmd.Context(), args[0], x) },
	}
	f := verb.Flags()
	f.BoolVar(&x.probe, "probe", false, "ask the endpoints, as containerd would")
	f.StringVar(&x.runtime, "runtime", "auto", "whose pull: auto, containerd, microk8s or docker")
	f.StringVar(&x.containerd, "containerd", "", "containerd's `VERSION`, such as 1.7.27 (default: the running one's; where none runs, both majors are looked at)")
	return verb
}

func (c *command) explain(ctx context.Context, image string, x explanation) error {
	if err := oneOf("runtime", x.runtime, "auto", "containerd", "microk8s", "docker"); err != nil {
		return err
	}
	version, ok := runtime.ParseVersion(x.containerd)
	if x.containerd != "" && !ok {
		return fmt.Errorf("--containerd is %q; it must be a version, such as 1.7.27", x.containerd)
	}
	if _, err := spec.ParseReference(image); err != nil {
		return err
	}
	ctx, cancel := c.limited(ctx)
	defer cancel()
	root, err := node.Open(c.mount())
	if err != nil {
		return err
	}
	defer root.Close()
	s, err := c.nodeSection(ctx, root)
	if err != nil {
		return err
	}
	if x.runtime != "auto" {
		s.Runtime = x.runtime
	}
	var road probe.Road
	if x.runtime == "docker" {
		road, err = c.dockerRoad(ctx, root, s, image, x)
	} else {
		var n probe.Node
		if n, err = c.pullingNode(ctx, root, s, version, x.containerd); err == nil {
			road, err = probe.Explain(ctx, n, image, probe.Options{Probe: x.probe})
		}
	}
	if errors.Is(err, probe.ErrRoot) || errors.Is(err, fs.ErrPermission) {
		err = hinted{err, "run it as root"}
	}
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if proxy := c.proxy(); x.probe && proxy != "" {
		road.Notes = append(road.Notes, "the endpoints were asked with "+proxy+" of regsync's environment; which proxies the runtime's service has is not known")
	}
	if c.output == "json" {
		return view.RoadJSON(c.out, road)
	}
	c.text().Road(road)
	return nil
}

// proxy names the variable that sends our own requests through a proxy; empty where there is none.
func (c *command) proxy() string {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		if c.env(name) != "" {
			return name
		}
	}
	return ""
}

// nodeSection gives what the file says of the node; where none is named and there is none, what an empty one would.
func (c *command) nodeSection(ctx context.Context, root *node.Root) (spec.Node, error) {
	s, err := c.anySpec(ctx, root)
	return s.Node, err
}

// anySpec gives the spec that is named, or else the node's own; where that is not there or not valid, an empty one.
func (c *command) anySpec(ctx context.Context, root *node.Root) (*spec.Spec, error) {
	empty := &spec.Spec{Node: spec.Node{Runtime: "auto", HostsFile: "/etc/hosts"}}
	empty.Node.Docker.ConfigFile = "/etc/docker/daemon.json"
	if len(c.files) == 0 && !root.Exists(defaultFile) {
		return empty, nil
	}
	list, err := c.sources()
	var s *spec.Spec
	if err == nil {
		s, _, err = c.load(list, root, c.nodeLabels(ctx, root), false)
	}
	if err == nil {
		return s, nil
	}
	if len(c.files) > 0 {
		return empty, err
	}
	view.Warnings(c.err, c.colorErr, []*spec.Problem{{Message: fmt.Sprintf("%s is not valid, and is not looked at", defaultFile), Hint: "regsync validate says what is wrong"}})
	return empty, nil
}

// pullingNode finds the containerd that pulls, and where it looks.
func (c *command) pullingNode(ctx context.Context, root *node.Root, s spec.Node, version render.Version, said string) (probe.Node, error) {
	n := probe.Node{Root: root.Dir(), Version: version, Said: said}
	live := func(name string) ([]byte, error) {
		l, err := root.Read(name)
		return l.Data, err
	}
	place, err := root.Find(s, false, live)
	if errors.Is(err, node.ErrTwoRuntimes) {
		return n, hinted{err, "say whose pull it is: --runtime microk8s or --runtime containerd"}
	}
	if err == nil && place.Runtime == render.NoRuntime {
		if s.Runtime == "microk8s" {
			return n, errors.New(place.Waiting)
		}
		s.Runtime = "containerd"
		place, err = root.Find(s, false, live)
		n.Notes = append(n.Notes, "no containerd is on this node; what stands here is what one would do")
	}
	if err != nil {
		return n, err
	}
	n.Runtime, n.Config = string(place.Runtime), place.ConfigFile
	if c.host != "" {
		if n.HostsFile, err = live(s.HostsFile); err != nil {
			return n, err
		}
	}
	socket := ""
	if !c.baking() && place.Socket != "" {
		if on, err := root.Path(place.Socket); err == nil {
			socket = on
		}
	}
	if socket != "" && said == "" {
		ctx, cancel := context.WithTimeout(ctx, askTime)
		defer cancel()
		if v, words, err := runtime.Version(ctx, socket); err == nil {
			n.Version, n.Said = v, words
		}
	}
	data, err := live(place.ConfigFile)
	if err != nil {
		return n, err
	}
	config, err := render.Effective(place.ConfigFile, data, place.Imports, n.Version)
	if err != nil {
		n.Broken = "containerd cannot read its config: " + err.Error()
		return n, nil
	}
	c.loadedConfig(ctx, root, socket, place, &config, &n)
	settleConfig(&n, config, data != nil, place.CertsDir)
	return n, nil
}

// loadedConfig puts in what a running containerd of 1.x says it has loaded, where that is another thing than its file says.
func (c *command) loadedConfig(ctx context.Context, root *node.Root, socket string, place node.Place, config *render.RegistryConfig, n *probe.Node) {
	if socket == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	if err := runtime.CRI(ctx, socket); err != nil {
		var plugin *runtime.PluginError
		if errors.As(err, &plugin) || errors.Is(err, runtime.ErrNoCRI) {
			n.Broken = "the CRI is not there: " + err.Error()
		}
		return
	}
	loaded, mirrors, told, err := runtime.LoadedConfigPath(ctx, socket)
	if err != nil || !told || mirrors || (&survey{site: &site{root: root}}).same(loaded, config.Path) {
		return
	}
	n.Notes = append(n.Notes, fmt.Sprintf("containerd runs with config_path %q, and %s says %q: a restart is due", loaded, path.Base(place.ConfigFile), config.Path))
	config.Path, config.Mirrors, config.TLS = loaded, nil, nil
	config.State = render.ConfigOnePath
	if loaded == "" {
		config.State = render.ConfigNeither
	} else if strings.Contains(loaded, ":") {
		config.State = render.ConfigColonList
	}
}

// defaultList is what 2.x takes for config_path where the config has neither that nor mirrors (plugins/cri/images of 2.2).
const defaultList = "/etc/containerd/certs.d:/etc/docker/certs.d"

// settleConfig works out which directories containerd looks into. there says whether it has a config at all.
func settleConfig(n *probe.Node, config render.RegistryConfig, there bool, certsDir string) {
	two := !n.Version.Known() || !n.Version.Before(2, 0)
	lists := n.Version.Known() && n.Version.Before(2, 1) || len(config.Auth) > 0 // in local mode 2.1 and later read a list too
	if n.Broken != "" {
		return
	}
	name := path.Base(n.Config)
	if !two && config.Syntax == 2 && config.Plugin == "io.containerd.cri.v1.images" {
		n.Notes = append(n.Notes, fmt.Sprintf("containerd 1.x does not read plugins.%q in a version-2 config", config.Plugin))
		config = render.RegistryConfig{}
	}
	switch config.State {
	case render.ConfigBoth:
		n.Broken = fmt.Sprintf("%s has config_path and inline mirrors or TLS, which exclude each other: the CRI does not load", name)
	case render.ConfigLegacy:
		n.Inline = &config
		n.Notes = append(n.Notes, fmt.Sprintf("%s has inline mirrors or TLS and no config_path: nothing below %s is read", name, certsDir))
	case render.ConfigOnePath:
		n.Dirs = []string{node.Expand(config.Path)}
	case render.ConfigColonList:
		list(n, config.Path, lists)
	default:
		switch {
		case !there:
			n.Dirs = []string{certsDir}
			n.Notes = append(n.Notes, fmt.Sprintf("%s is not there: %s is read once it has that as config_path", n.Config, certsDir))
		case two:
			n.Notes = append(n.Notes, fmt.Sprintf("%s has no config_path: containerd 2.x takes %s for it", name, defaultList))
			list(n, defaultList, lists)
		default:
			n.Inline = &config
			n.Notes = append(n.Notes, fmt.Sprintf("%s has no config_path: containerd 1.x does not read %s", name, certsDir))
		}
	}
}

// list takes a config_path of several directories: all of them where containerd reads such, none elsewhere.
func list(n *probe.Node, dirs string, read bool) {
	n.List = dirs
	if !read {
		n.Notes = append(n.Notes, fmt.Sprintf("config_path is the list %s, in which containerd 2.1 and later find no directory", dirs))
		return
	}
	for dir := range strings.SplitSeq(dirs, ":") {
		if dir != "" {
			n.Dirs = append(n.Dirs, node.Expand(dir))
		}
	}
}
