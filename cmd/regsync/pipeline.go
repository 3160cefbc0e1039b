package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/hashicorp/go-multierror"

	"github.com/regsync/regsync/internal/docker"
	"github.com/regsync/regsync/internal/images"
	"github.com/regsync/regsync/internal/ledger"
	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// trip is one way along the road: what was asked for, where it goes, and the plan at the end.
type trip struct {
	spec        *spec.Spec
	warnings    []*spec.Problem // of the file itself
	source      plan.Source     // what is recorded of the file and its policy
	rollback    int             // the generation that is gone back to; 0: none
	place       node.Place
	services    ledger.Services
	plan        plan.Plan
	neighbours  *neighbours
	maxRemovals int           // how many removals the policy allows in one apply
	named       []string      // registries that the file names
	wishes      bool          // the file asks for something
	store       *images.Store // containerd's, where images are looked after; nil elsewhere
	reach       *reach        // into the cluster; nil: nothing of it is looked after
	held        []plan.Held   // what waits for the time in which it may disturb what runs
	opens       time.Time     // when that comes; zero: nothing waits for it
	read        []string      // the node's files that were read for it
}

// travel is the road: the file, the node as it is, what should be there, the plan.
func (c *command) travel(ctx context.Context, s *site) (trip, error) {
	// The file is parsed while the node is read: both take about as long.
	survey := &survey{site: s, live: map[string]plan.Live{}, singly: c.singly}
	reading := make(chan error, 1)
	go func() { reading <- survey.readOwned() }()
	t, err := c.loaded(ctx, s.root)
	if readErr := <-reading; err == nil {
		err = readErr
	}
	if err != nil {
		return t, err
	}

	if t.place, err = c.find(ctx, survey, t.spec); err != nil {
		return t, err
	}
	t.services = servicesOf(t.spec, t.place)
	t.services.Cluster = c.clusterOf(s, t.spec, t.place.Runtime)
	if t.reach, err = c.reach(ctx, s, t.services, t.spec); err != nil {
		return t, err
	}
	services := c.services(s.root, t.services)
	inputs, warnings, err := survey.inputs(t.spec, t.place, services.version(ctx))
	if err != nil {
		return t, err
	}
	var more []*spec.Problem
	if inputs.Credentials, more, err = c.logins(ctx, s, t.spec, uses(t.spec, t.place, t.reach)); err != nil {
		return t, err
	}
	warnings = append(warnings, more...)
	if t.reach != nil {
		inputs.Namespaces = t.reach.namespaces
	}
	unread := c.archives(ctx, s, t.spec, &inputs)
	var nodesUnknown error
	t.neighbours, nodesUnknown = c.neighbours(ctx, s, t.spec, t.place)
	inputs.Nodes = t.neighbours.wanted()
	desired, err := render.Render(t.spec, inputs)
	warnings = append(warnings, desired.Warnings...)
	if err != nil {
		return t, err
	}
	have, err := survey.have(desired.Resources)
	if err != nil {
		return t, err
	}
	t.read = slices.Collect(maps.Keys(survey.live))
	open, err := c.lookAtImages(ctx, &t, services, &desired, have, s.owned)
	if err != nil {
		return t, err
	}
	if !c.brief {
		open.waiting = append(open.waiting, c.follow(ctx, s.root, t.spec.Node, desired.Resources, have)...)
	}
	if err := c.lookAtCluster(ctx, t.reach, &desired, have, &open, inCluster(t.spec, t.place.Runtime)); err != nil {
		return t, err
	}
	t.awaitAddon(&open)
	if nodesUnknown != nil {
		open.waiting = append(open.waiting, fmt.Sprintf("the other nodes: %v", nodesUnknown))
		open.owned = withoutNeighbours(open.owned)
	}
	if t.place.Waiting != "" {
		open.owned = withoutRuntime(open.owned)
	}
	t.plan, err = plan.New(desired.Resources, have, withoutHeld(withoutHeldFiles(open.owned, desired.Held), desired.Resources, unread, desired.Held), plan.Policy{
		Adopt: t.spec.Policy.Adopt, AdoptFrom: t.spec.Policy.AdoptFrom,
		Owner: t.services.Cluster.Owner, Source: c.specName(), Leaving: "no longer in " + c.specName(),
		Digest: s.ledger.Digest, Made: s.ledger.Made, Lost: s.ledger.Original, Singly: c.singly,
	})
	if err != nil {
		return t, err
	}
	t.plan.Waiting, t.plan.Left, t.plan.Elsewhere = open.waiting, open.left, open.elsewhere
	t.plan.Warnings = append(t.plan.Warnings, warnings...)
	if len(t.spec.Preload) > 0 {
		t.plan.Warnings = append(t.plan.Warnings, render.Unvouched(t.spec, desired.Resources, s.root.Kubelet(t.place.Runtime))...)
	}
	t.say(s, append(unread, desired.Held...))
	if err := c.judge(ctx, survey, &t, desired, services); err != nil {
		return t, err
	}
	return t, t.await(ctx, services, time.Now())
}

// close ends the connections that were made for it.
func (t *trip) close() {
	if t.store != nil {
		_ = t.store.Close() // nothing is written through it any more
	}
}

// say adds to the plan what the user should know beside its changes.
func (t *trip) say(s *site, held []render.Held) {
	if slices.ContainsFunc(t.plan.Changes, func(c plan.Change) bool { return c.Node != "" && !c.Removal }) {
		t.plan.Warnings = append(t.plan.Warnings, &spec.Problem{
			Message: "on the other nodes images cannot be pinned: kubelet's garbage collection may take them",
			Hint:    "run regsync on each node to have them pinned",
		})
	}
	if why := s.ledger.JournalDamage; why != "" {
		t.plan.Warnings = append(t.plan.Warnings, &spec.Problem{Message: "the journal of an apply that was cut off cannot be trusted: " + why})
	}
	if j := s.ledger.Journal; j != nil {
		left := &spec.Problem{Message: "an apply was cut off: the next one puts its files back first, and then makes another plan", Hint: "regsync recover puts them back now"}
		if j.Confirm != nil {
			left = &spec.Problem{Message: "the last apply waits to be confirmed, and is undone otherwise", Hint: "regsync confirm"}
		}
		t.plan.Warnings = append(t.plan.Warnings, left)
	}
	for _, h := range held {
		t.plan.Conflicts = append(t.plan.Conflicts, conflict(h))
	}
	if t.place.Waiting != "" && wantsRuntime(t.spec) {
		t.plan.Waiting = append(t.plan.Waiting, t.place.Waiting)
	}
	if who := s.root.OpenTo(t.place.CertsDir); t.place.CertsDir != "" && who != "" {
		t.plan.Warnings = append(t.plan.Warnings, &spec.Problem{
			Message: fmt.Sprintf("%q may be written by %s, who thereby decides where images are pulled from", t.place.CertsDir, who),
			Hint:    "chown root and chmod o-w, as far down as it goes",
		})
	}
	if damage := s.damaged(); damage != "" {
		t.plan.Warnings = append(t.plan.Warnings, &spec.Problem{Message: damage})
	}
}

// loaded loads the spec, for the node at root.
func (c *command) loaded(ctx context.Context, root *node.Root) (trip, error) {
	var t trip
	list, err := c.given, error(nil)
	if list == nil {
		list, err = c.sources()
	}
	if err != nil {
		return t, err
	}
	owners, err := c.protected(list)
	if err != nil {
		return t, err
	}
	t.spec, t.warnings, err = c.load(list, root, c.nodeLabels(ctx, root), false)
	if err != nil {
		return t, err
	}
	t.warnings = append(t.warnings, owners...)
	t.maxRemovals, t.named, t.wishes = t.spec.Policy.MaxRemovals, named(t.spec), wishes(t.spec)
	t.source = sourceOf(list, t.spec.Policy)
	t.warnings = append(t.warnings, unused(t.spec)...)
	return t, nil
}

// find finds the runtime, and waits for one as long as --wait allows.
func (c *command) find(ctx context.Context, s *survey, sp *spec.Spec) (node.Place, error) {
	manageDocker := sp.Node.Docker.Manage == "always" ||
		sp.Node.Docker.Manage != "never" && docker.Installed(s.root.Exists)
	deadline := time.Now().Add(c.wait)
	for {
		place, err := s.root.Find(sp.Node, manageDocker, s.config)
		if errors.Is(err, node.ErrTwoRuntimes) {
			return place, hinted{err, "say which one it is for: node: {runtime: microk8s} or node: {runtime: containerd}"}
		}
		if err == nil && c.singly {
			place = s.unreadable(place)
		}
		if err != nil || place.Waiting == "" || time.Now().After(deadline) {
			return place, err
		}
		select {
		case <-ctx.Done():
			return place, context.Cause(ctx)
		case <-time.After(time.Second):
		}
		s.forget()
	}
}

// wantsRuntime reports whether the spec asks for something that a container runtime reads.
func wantsRuntime(s *spec.Spec) bool {
	return len(s.Registries)+len(s.Mirrors)+len(s.Insecure) > 0
}

// wishes reports whether a file asks for anything.
func wishes(s *spec.Spec) bool {
	return wantsRuntime(s) || len(s.EtcHosts)+len(s.Preload)+len(s.PullSecrets) > 0 || s.Addons.Registry != nil
}

// specName is what reasons call the spec.
func (c *command) specName() string {
	if len(c.files) == 1 && c.files[0] != "-" {
		return filepath.Base(c.files[0])
	}
	return "regsync.yaml"
}

// inputs gathers what rendering needs to know of the node.
func (s *survey) inputs(sp *spec.Spec, place node.Place, version render.Version) (render.Inputs, []*spec.Problem, error) {
	in := render.Inputs{Singly: s.singly, Layout: place.Layout, Containerd: version, Imports: place.Imports}
	files, warnings, err := certificates(sp, s.root, time.Now())
	var errs *multierror.Error
	if err != nil {
		errs = multierror.Append(errs, err)
	}
	in.Files = files
	for _, f := range []struct {
		name string
		data *[]byte
	}{{place.HostsFile, &in.HostsFile}, {place.DaemonJSON, &in.DaemonJSON}, {place.ConfigFile, &in.Config}} {
		if f.name == "" {
			continue
		}
		if *f.data, err = s.base(f.name); err != nil {
			errs = multierror.Append(errs, located(f.name, err))
		}
	}
	if place.CertsDir != "" {
		if in.Dirs, err = s.dirs(place.CertsDir); err != nil {
			errs = multierror.Append(errs, located(place.CertsDir, err))
		}
	}
	return in, warnings, errs.ErrorOrNil()
}

// located gives an error of a file of the node its place, and what to do where that is known.
func located(name string, err error) error {
	p := &spec.Problem{Message: err.Error()}
	if leaves := (*node.LeavesError)(nil); errors.As(err, &leaves) {
		p.Message = leaves.Error()
		p.Hint = fmt.Sprintf("make %q a directory of the node, or a link to one", leaves.Link)
		return p
	}
	if planted := (*node.PlantedError)(nil); errors.As(err, &planted) {
		p.Message = planted.Error()
		p.Hint = fmt.Sprintf("look who put it there; if it is meant, chown -h root %q", planted.Link)
		return p
	}
	if got := (*spec.Problem)(nil); errors.As(err, &got) {
		p = got
		if p.Position.File == "" {
			p.Position.File = name
		}
	}
	return p
}
