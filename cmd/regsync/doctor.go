package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/regsync/regsync/internal/doctor"
	"github.com/regsync/regsync/internal/ledger"
	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/internal/runtime"
	"github.com/regsync/regsync/internal/view"
	"github.com/regsync/regsync/spec"
)

// checkup is what the flags of doctor say.
type checkup struct {
	rules      bool
	offline    bool
	containerd string
}

func (c *command) doctorVerb() *cobra.Command {
	var x checkup
	verb := &cobra.Command{
		Use:   "doctor",
		Short: "Look for all known traps on the node",
		Long: `doctor looks for every known trap in certs.d, containerd's config, /etc/hosts, Docker's daemon.json, what runs, the image store,
and at the endpoints that these files name. Each finding has a rule, a place, a cause and a remedy. containerd's own loaders judge the files.
No file of regsync's is needed; where there is one, the hosts that it names are looked at too. Nothing is changed.

It exits with 2 if it finds something, and with 0 if it does not.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if x.rules {
				return c.rules()
			}
			return c.doctor(cmd.Context(), x)
		},
	}
	f := verb.Flags()
	f.BoolVar(&x.rules, "rules", false, "list the rules, and look at nothing")
	f.BoolVar(&x.offline, "offline", false, "ask no endpoint and no name server")
	f.StringVar(&x.containerd, "containerd", "", "containerd's `VERSION`, such as 1.7.27 (default: the running one's; where none runs, both majors count)")
	return verb
}

func (c *command) rules() error {
	if c.output == "json" {
		return view.RulesJSON(c.out, doctor.Rules())
	}
	c.text().Rules(doctor.Rules())
	return nil
}

func (c *command) doctor(ctx context.Context, x checkup) error {
	version, ok := runtime.ParseVersion(x.containerd)
	if x.containerd != "" && !ok {
		return fmt.Errorf("--containerd is %q; it must be a version, such as 1.7.27", x.containerd)
	}
	ctx, cancel := c.limited(ctx)
	defer cancel()
	root, err := node.Open(c.mount())
	if err != nil {
		return err
	}
	defer root.Close()
	s, err := c.anySpec(ctx, root)
	if err != nil {
		return err
	}
	e := &examination{command: c, root: root, spec: s, offline: x.offline || c.baking(), facts: doctor.Facts{Now: time.Now(), Live: !c.baking(), Version: version}}
	if err := e.gather(ctx); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			err = hinted{err, "run it as root"}
		}
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	findings := doctor.Examine(e.facts)
	if c.output == "json" {
		err = view.FindingsJSON(c.out, findings)
	} else {
		c.text().Findings(findings, e.unseen)
	}
	if err == nil && len(findings) > 0 {
		return codeError(exitPending)
	}
	return err
}

// examination gathers what the rules look at.
type examination struct {
	*command
	root    *node.Root
	spec    *spec.Spec
	offline bool
	place   node.Place
	facts   doctor.Facts

	mu     sync.Mutex
	unseen []string // what could not be looked at
}

// gather reads the files of the node, and asks what runs there.
func (e *examination) gather(ctx context.Context) error {
	if err := e.find(); err != nil {
		return err
	}
	v := e.services(e.root, ledger.Services{
		Runtime: e.place.Runtime, Socket: e.place.Socket, Namespace: e.spec.Node.Containerd.Namespace,
		ConfigFile: e.place.ConfigFile, DaemonJSON: e.spec.Node.Docker.ConfigFile, DockerSocket: e.spec.Node.Docker.Socket,
	})
	e.askRuntime(ctx, v)
	for _, read := range []func() error{e.readConfig, e.readDirectories, e.readNames, e.readKubelet} {
		if err := read(); err != nil {
			return err
		}
	}
	if err := e.askDocker(ctx, v); err != nil {
		return err
	}
	e.readProxies(v)
	e.readSideload(ctx)
	e.askConfig(ctx, v)
	if e.baking() {
		e.unseen = append(e.unseen, "what runs, images and endpoints, since nothing runs below --root")
		return nil
	}
	var all sync.WaitGroup
	all.Go(func() { e.askImages(ctx, v) })
	all.Go(func() { e.askNetwork(ctx) })
	all.Wait()
	return nil
}
