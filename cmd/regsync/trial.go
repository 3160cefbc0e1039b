package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/go-multierror"

	"github.com/regsync/regsync/internal/docker"
	"github.com/regsync/regsync/internal/images"
	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/internal/probe"
	"github.com/regsync/regsync/internal/runtime"
	"github.com/regsync/regsync/internal/view"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// pullTime is how long one test pull may take.
const pullTime = 15 * time.Minute

// trial is what a verification is of. It is gathered before an apply, and may be run after it.
type trial struct {
	*command
	root       *node.Root
	spec       *spec.Spec
	place      node.Place
	services   *services
	registries []probe.Registry
}

// trial gathers what is to be asked of a node.
func (c *command) trial(ctx context.Context, s *survey, sp *spec.Spec, place node.Place) (*trial, error) {
	t := &trial{command: c, root: s.root, spec: sp, place: place, services: c.services(s.root, servicesOf(sp, place))}
	if place.Runtime == render.NoRuntime {
		return t, nil
	}
	inputs, _, err := s.inputs(sp, place, t.services.version(ctx))
	if err != nil {
		return nil, err
	}
	// Which credential it is counts, and not what it is: the node's own files hold it.
	inputs.Credentials = map[string]render.Login{}
	for _, use := range sp.CredentialUses() {
		inputs.Credentials[use.Path] = render.Login{}
	}
	roads, _, problems := render.Roads(sp, inputs)
	for i := range roads {
		if r := &roads[i]; !r.Blocked {
			t.registries = append(t.registries, probe.Registry{Host: r.Host, Endpoints: meant(sp, r.Host, r.Asks())})
		}
	}
	return t, together(problems)
}

// together gives problems as one error; nil where there are none.
func together(problems []*spec.Problem) error {
	var errs *multierror.Error
	for _, p := range problems {
		errs = multierror.Append(errs, p)
	}
	return errs.ErrorOrNil()
}

// run asks everybody. What does not work is no error.
func (t *trial) run(ctx context.Context) (view.Verification, error) {
	var v view.Verification
	if err := t.programs(ctx, &v); err != nil {
		return v, err
	}
	if err := t.endpoints(ctx, &v); err != nil {
		return v, err
	}
	err := t.pulls(ctx, &v)
	return v, err
}

// programs asks the CRI and dockerd.
func (t *trial) programs(ctx context.Context, v *view.Verification) error {
	if t.baking() {
		v.Left = append(v.Left, "the CRI")
		return nil
	}
	switch {
	case t.place.Runtime != render.NoRuntime:
		v.CRI = t.cri(ctx)
	case t.place.Waiting != "" && wantsRuntime(t.spec):
		v.CRI = &view.Program{Error: t.place.Waiting}
	}
	if t.place.DaemonJSON == "" {
		return nil
	}
	live, err := t.root.Read(t.place.DaemonJSON)
	if err != nil {
		return err
	}
	v.Docker = t.dockerd(ctx, live.Data)
	return nil
}

func (t *trial) cri(ctx context.Context) *view.Program {
	ask, cancel := context.WithTimeout(ctx, max(askTime, t.wait))
	defer cancel()
	p := &view.Program{Name: "containerd"}
	ready := runtime.CRI
	if t.wait > 0 {
		ready = runtime.WaitCRI
	}
	if err := ready(ask, t.services.socket); err != nil {
		p.Error = "the CRI does not answer: " + err.Error()
	}
	if _, words, err := runtime.Version(ask, t.services.socket); err == nil {
		p.Running, p.Version = true, words
	}
	return p
}

// dockerd says whether dockerd works by its file. One that does not run reads it when it starts.
func (t *trial) dockerd(ctx context.Context, file []byte) *view.Program {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	info, err := t.services.docker.Info(ctx)
	switch {
	case errors.Is(err, docker.ErrNotRunning):
		return &view.Program{Name: "dockerd"}
	case err != nil:
		return &view.Program{Name: "dockerd", Error: err.Error()}
	}
	p := &view.Program{Name: "dockerd", Running: true, Version: info.ServerVersion}
	if missing := info.Missing(file); len(missing) > 0 {
		p.Error = "daemon.json is not what dockerd has loaded: " + strings.Join(missing, "; ")
	}
	return p
}

// endpoints asks registries and mirrors.
func (t *trial) endpoints(ctx context.Context, v *view.Verification) error {
	if len(t.registries) == 0 {
		return nil
	}
	n, err := t.pullingNode(ctx, t.root, t.spec.Node, render.Version{}, "")
	if err != nil {
		return err
	}
	if n.Broken != "" { // which is said of the CRI; its files say all the same whom it would ask
		n.Dirs = []string{t.place.CertsDir}
	}
	v.Notes = n.Notes
	if proxy := t.proxy(); proxy != "" {
		v.Notes = append(v.Notes, "the endpoints were asked with "+proxy+" of regsync's environment; which proxies the runtime's service has is not known")
	}
	v.Endpoints, err = probe.Verify(ctx, n, t.registries, probe.Options{})
	if errors.Is(err, probe.ErrRoot) {
		err = hinted{err, "run it as root"}
	}
	return err
}

// pulls has the CRI pull the images of the file.
func (t *trial) pulls(ctx context.Context, v *view.Verification) error {
	list := t.spec.Verify.Images
	if t.baking() && len(list) > 0 {
		v.Left = append(v.Left, render.Count(len(list), "test pull"))
		return nil
	}
	if len(list) == 0 {
		return nil
	}
	var store *images.Store
	var unable error
	switch {
	case v.CRI == nil:
		unable = errors.New("there is no container runtime")
	case v.CRI.Error != "":
		unable = errors.New("the CRI does not answer")
	default:
		ask, cancel := context.WithTimeout(ctx, askTime)
		defer cancel()
		if store, unable = images.Open(ask, t.services.socket, ""); unable == nil {
			defer store.Close()
		}
	}
	for _, image := range list {
		ref, err := spec.ParseReference(image)
		if err != nil {
			return err
		}
		pull := view.TestPull{Image: ref.String()}
		if unable != nil {
			pull.Error = fmt.Sprintf("pulling %s: %v", pull.Image, unable)
		} else if err := t.pull(ctx, store, &pull); err != nil {
			return err
		}
		v.Images = append(v.Images, pull)
	}
	return nil
}

// pull tries one image. Its error is ctx's.
func (t *trial) pull(ctx context.Context, store *images.Store, pull *view.TestPull) error {
	limited, cancel := context.WithTimeoutCause(ctx, pullTime, fmt.Errorf("not done within %s", pullTime))
	defer cancel()
	start := time.Now()
	left, err := store.Try(limited, pull.Image)
	pull.Took = time.Since(start)
	pull.Found, pull.Removed, pull.Users = left.Found, left.Removed, left.Users
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		pull.Error = view.Masked(err.Error())
	}
	return nil
}
