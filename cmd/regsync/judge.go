package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"runtime"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"
	"golang.org/x/sync/errgroup"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/internal/docker"
	"github.com/regsync/regsync/internal/loader"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// judge lets those who will read the files have their say before anything is written: containerd's own loaders on every
// hosts.toml that changes, dockerd or its rules on daemon.json. It adds the effects that are due because what runs has not
// loaded what its file says.
func (c *command) judge(ctx context.Context, s *survey, t *trip, desired render.Desired, v *services) error {
	var errs *multierror.Error
	for _, err := range []error{judgeHosts(s, t, desired, majors(v.version(ctx))), judgeDocker(ctx, t, v)} {
		if err = c.refused(t, err); err != nil {
			errs = multierror.Append(errs, err)
		}
	}
	if !v.baking {
		pendingDocker(ctx, s, t, desired, v)
		pendingContainerd(ctx, s, t, desired, v)
	}
	return errs.ErrorOrNil()
}

// majors gives the major versions of containerd whose word counts: the running one's, or both where it cannot be asked.
func majors(v render.Version) []int {
	if v.Known() {
		return []int{v.Major}
	}
	return []int{1, 2}
}

// judgeHosts lets containerd's loaders read every hosts.toml that changes. One that they would not read as it is meant is
// a fault of ours, and is never written.
func judgeHosts(s *survey, t *trip, desired render.Desired, majors []int) error {
	changes := slices.DeleteFunc(slices.Clone(t.plan.Changes), func(c plan.Change) bool { return c.Asks == nil })
	if len(changes) == 0 {
		return nil
	}
	bodies, from := wholeFiles(desired.Resources), map[render.ID]spec.Position{}
	for _, r := range desired.Resources {
		from[r.ID] = r.From
	}
	faults := make([][]error, len(changes))
	var judges errgroup.Group
	judges.SetLimit(runtime.GOMAXPROCS(0))
	for i, change := range changes {
		judges.Go(func() error {
			found, err := judgeFile(s, change, from[change.ID], bodies[path.Dir(change.Name)], majors)
			for _, f := range found {
				faults[i] = append(faults[i], &apply.FileError{Name: change.Name, Err: f})
			}
			return err
		})
	}
	if err := judges.Wait(); err != nil {
		return err
	}
	return multierror.Append(nil, slices.Concat(faults...)...).ErrorOrNil()
}

// judgeFile lets containerd's loaders read one hosts.toml, with the files beside it.
func judgeFile(s *survey, change plan.Change, from spec.Position, files map[string][]byte, majors []int) (faults []error, err error) {
	dir := path.Dir(change.Name)
	host := loader.Host(path.Base(dir))
	if err := s.beside(dir, files); err != nil {
		return nil, err
	}
	missing, err := s.atRoot(files, change.Asks)
	if err != nil {
		return nil, err
	}
	if missing != "" {
		return []error{&spec.Problem{
			Position: from,
			Message:  fmt.Sprintf("%q, which %q would name, is not there: containerd would fail every pull of %s", missing, change.Name, host),
			Hint:     "put the file back, or name the registry with its ca or client under registries",
		}}, nil
	}
	asks := masked(files, change.Asks)
	copied, err := loader.Copy(files, host)
	if err != nil {
		return nil, err
	}
	defer copied.Remove()
	for _, major := range majors {
		result, err := copied.Judge(major)
		if err == nil {
			err = result.Agrees(asks)
		}
		if err != nil {
			faults = append(faults, &spec.Problem{
				Position: spec.Position{File: change.Name},
				Message:  fmt.Sprintf("containerd %d.x would not read this file as it is meant: %v", major, err),
				Hint:     "this is a fault of regsync's; nothing was written",
			})
		}
	}
	return faults, nil
}

// masked puts a word in the place of each credential, in a hosts.toml that is only judged, and in whom it asks. The loaders read
// files, and no copy of a password is put on a disk for them.
func masked(files map[string][]byte, asks []render.Endpoint) []render.Endpoint {
	const header, mask = "Authorization", "Basic bWFza2Vk"
	hosts := string(files[render.HostsTOML])
	asks = slices.Clone(asks)
	for i := range asks {
		if asks[i].Credential == "" {
			continue
		}
		for _, value := range asks[i].Header[header] {
			hosts = strings.ReplaceAll(hosts, render.TOMLString(value), render.TOMLString(mask))
		}
		asks[i].Header = maps.Clone(asks[i].Header)
		asks[i].Header[header] = []string{mask}
	}
	files[render.HostsTOML] = []byte(hosts)
	return asks
}

// beside adds the other files of a directory of certs.d that its hosts.toml may name.
func (s *survey) beside(dir string, files map[string][]byte) error {
	names, err := s.root.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, ok := files[name]; ok || !slices.Contains([]string{".crt", ".cert", ".key", ".pem"}, path.Ext(name)) {
			continue
		}
		live, err := s.root.Read(path.Join(dir, name))
		if err != nil {
			return err
		}
		if live.Data != nil {
			files[name] = live.Data
		}
	}
	return nil
}

// atRoot names the certificates of asks that stand elsewhere on the node by the paths that this machine has for them, in a
// hosts.toml that is only judged. It returns the first that is not there.
func (s *survey) atRoot(files map[string][]byte, asks []render.Endpoint) (missing string, err error) {
	var names []string
	for _, e := range asks {
		names = append(names, e.CAFiles...)
		for _, pair := range e.ClientFiles {
			names = append(names, pair[0], pair[1])
		}
	}
	hosts := string(files[render.HostsTOML])
	for _, name := range names {
		if !path.IsAbs(name) {
			continue
		}
		live, err := s.root.Read(name)
		if err != nil {
			return "", err
		}
		if live.Data == nil {
			return name, nil
		}
		real, err := s.root.Path(name)
		if err != nil {
			return "", err
		}
		hosts = strings.ReplaceAll(hosts, render.TOMLString(name), render.TOMLString(real))
	}
	files[render.HostsTOML] = []byte(hosts)
	return "", nil
}

// judgeDocker lets dockerd, or its rules, judge a daemon.json that changes, and looks for a flag that says the same as one of
// its keys: with both, dockerd would not come up at its next start.
func judgeDocker(ctx context.Context, t *trip, v *services) error {
	i := slices.IndexFunc(t.plan.Changes, func(c plan.Change) bool { return c.Effect == render.ReloadDocker })
	if i < 0 {
		return nil
	}
	change := t.plan.Changes[i]
	if change.After == nil || change.Removal {
		return nil
	}
	d := docker.Daemon{Root: v.root.Dir(), ConfigFile: change.Name}
	if !v.baking {
		d = v.docker
	}
	where, flag, err := d.FlagClash(render.DaemonKeys(change.Entry.Body))
	if err != nil {
		return &apply.FileError{Name: change.Name, Err: err}
	}
	if where != "" {
		t.plan.Conflicts = append(t.plan.Conflicts, plan.Conflict{
			ID:     change.ID,
			Reason: fmt.Sprintf("%s gives dockerd the flag %s, and a flag beside the key in this file keeps dockerd from starting", where, flag),
			Hint:   "take the flag out, or set node: {docker: {manage: never}}",
		})
	}
	if err := d.Validate(ctx, change.After); err != nil {
		return &apply.FileError{Name: change.Name, Err: &spec.Problem{Position: spec.Position{File: change.Name}, Message: "dockerd would refuse the file: " + err.Error()}}
	}
	return nil
}

// pendingDocker adds a reload where dockerd does not have what its file says.
func pendingDocker(ctx context.Context, s *survey, t *trip, desired render.Desired, v *services) {
	i := slices.IndexFunc(desired.Resources, func(r render.Resource) bool { return r.Effect == render.ReloadDocker })
	if i < 0 || slices.ContainsFunc(t.plan.Conflicts, func(c plan.Conflict) bool { return c.ID == desired.Resources[i].ID }) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	info, err := v.docker.Info(ctx)
	if err != nil {
		if !errors.Is(err, docker.ErrNotRunning) {
			t.plan.Warnings = append(t.plan.Warnings, &spec.Problem{Message: fmt.Sprintf("what dockerd has loaded is not known: %v", err)})
		}
		return
	}
	if missing := info.Missing(s.live[desired.Resources[i].Name].Data); len(missing) > 0 {
		t.plan = t.plan.WithPending(render.ReloadDocker, "dockerd has not loaded daemon.json: "+strings.Join(missing, "; "))
	}
}
