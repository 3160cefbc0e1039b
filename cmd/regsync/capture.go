package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/regsync/regsync/internal/capture"
	"github.com/regsync/regsync/internal/docker"
	"github.com/regsync/regsync/internal/draft"
	"github.com/regsync/regsync/internal/images"
	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/internal/probe"
	"github.com/regsync/regsync/internal/runtime"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

func (c *command) captureVerb() *cobra.Command {
	var which, containerd string
	verb := &cobra.Command{
		Use:   "capture",
		Short: "Write the file that describes the node as it is",
		Long: `capture writes to standard output the file that describes this node: certs.d, containerd's config, /etc/hosts, Docker's
daemon.json, the images that are pinned and, where the node has a kubeconfig, the cluster's pull secrets. Each entry says where it was found.
What is broken, or cannot be said, is commented out with the reason; applying the file leaves all that as it is, and asks no other endpoint
than before:

  regsync capture > regsync.yaml
  regsync plan -f regsync.yaml

No password is written. Where one stands, the file names a credential that is read from a file, and says where it stands now.
No file of regsync's is needed; where there is one, its sections node and cluster count.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.capture(cmd.Context(), which, containerd) },
	}
	f := verb.Flags()
	f.StringVar(&which, "runtime", "auto", "whose registries, where two runtimes are there: auto, containerd or microk8s")
	f.StringVar(&containerd, "containerd", "", "containerd's `VERSION`, such as 1.7.27 (default: the running one's; where none runs, what both majors agree on)")
	return verb
}

func (c *command) capture(ctx context.Context, which, containerd string) error {
	if err := oneOf("runtime", which, "auto", "containerd", "microk8s"); err != nil {
		return err
	}
	if c.output != "text" {
		return errors.New("capture writes YAML only: --output json is not for it")
	}
	version, ok := runtime.ParseVersion(containerd)
	if containerd != "" && !ok {
		return fmt.Errorf("--containerd is %q; it must be a version, such as 1.7.27", containerd)
	}
	ctx, cancel := c.limited(ctx)
	defer cancel()
	s, err := c.open(ctx, false)
	if err != nil {
		return err
	}
	defer s.close()
	file, err := c.anySpec(ctx, s.root)
	if err != nil {
		return err
	}
	if which != "auto" {
		file.Node.Runtime = which
	}
	n, err := c.captured(ctx, s, file, version, containerd)
	if err != nil {
		return err
	}
	d, err := capture.Capture(ctx, n)
	if errors.Is(err, probe.ErrRoot) || errors.Is(err, fs.ErrPermission) {
		err = hinted{err, "run it as root"}
	}
	if err != nil {
		return err
	}
	return c.hand(d)
}

// hand writes a file of the user's to standard output.
func (c *command) hand(d *draft.Draft) error {
	text, err := d.YAML()
	if err != nil {
		return err
	}
	_, err = c.out.Write(text)
	return err
}

// captured gathers all of the node that a file can say.
func (c *command) captured(ctx context.Context, s *site, file *spec.Spec, version render.Version, said string) (capture.Node, error) {
	section := file.Node
	n := capture.Node{Spec: section, Names: map[string][]string{}, Digest: passing()}
	n.Read = func(name string) ([]byte, error) {
		if name == "" {
			return nil, nil
		}
		live, err := s.root.Read(name)
		return live.Data, err
	}
	sp := &spec.Spec{Node: section}
	sv := &survey{site: s, live: map[string]plan.Live{}}
	place, err := s.root.Find(section, section.Docker.Manage != "never" && docker.Installed(s.root.Exists), sv.base)
	if errors.Is(err, node.ErrTwoRuntimes) {
		err = hinted{err, "say whose registries: --runtime microk8s or --runtime containerd"}
	}
	if err != nil {
		return n, err
	}
	if n.Probe, err = c.pullingNode(ctx, s.root, section, version, said); err != nil {
		return n, err
	}
	if n.Inputs, _, err = sv.inputs(sp, place, n.Probe.Version); err != nil {
		return n, err
	}
	for _, dir := range append(n.Probe.Dirs, place.CertsDir) {
		if dir == "" {
			continue
		}
		if n.Names[dir], err = s.root.List(dir); err != nil {
			return n, err
		}
	}
	if n.HostsFile, err = n.Read(place.HostsFile); err != nil {
		return n, err
	}
	if place.DaemonJSON != "" {
		if n.DaemonJSON, err = n.Read(place.DaemonJSON); err != nil {
			return n, err
		}
	}
	c.pinned(ctx, s, place, &n)
	c.granted(ctx, s, file.Cluster, place.Runtime, &n)
	return n, nil
}

// pinned adds the images that are pinned in the store of a containerd that runs.
func (c *command) pinned(ctx context.Context, s *site, place node.Place, n *capture.Node) {
	if place.Socket == "" {
		return
	}
	if c.baking() {
		n.Unseen = append(n.Unseen, "the image store, which takes a containerd that runs")
		return
	}
	socket, err := s.root.Path(place.Socket)
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		n.Images, err = pinnedIn(ctx, socket, n.Spec.Containerd.Namespace)
	}
	if err != nil {
		n.Unseen = append(n.Unseen, fmt.Sprintf("the image store: %v", err))
	}
}

func pinnedIn(ctx context.Context, socket, namespace string) ([]capture.Image, error) {
	store, err := images.Open(ctx, socket, namespace)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	list, err := store.Pinned(ctx)
	var all []capture.Image
	for name, source := range list {
		all = append(all, capture.Image{Name: name, Source: source})
	}
	return all, err
}
