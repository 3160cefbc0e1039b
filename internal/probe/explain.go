package probe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/regsync/regsync/internal/loader"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// Explain explains the road of one pull on a node with containerd. Where its version is not known, the road is that of 2.x, and
// [Road.Notes] say how 1.x differs. The error is one of the caller's: no reference, no right to look. That every pull would fail is none.
func Explain(ctx context.Context, n Node, image string, o Options) (Road, error) {
	ref, err := spec.ParseReference(image)
	if err != nil {
		return Road{}, err
	}
	if ref.Domain == "" {
		return Road{}, fmt.Errorf("%q names no registry", image)
	}
	var road Road
	failed := within(n.Root, func(prefix string) {
		below := n.below(prefix)
		if road, err = explain(ctx, below, ref, o); err == nil && !n.Version.Known() && n.Broken == "" {
			below.Version = render.Version{Major: 1, Minor: 7}
			var other Road
			other, err = explain(ctx, below, ref, Options{Limit: o.Limit})
			road.Notes = append(road.Notes, differs(road, other)...)
		}
		road.strip(prefix)
	})
	if err = errors.Join(failed, err); err != nil {
		return Road{}, err
	}
	road.Verdict = verdict(road, ref)
	return road, nil
}

// major is the major version whose code walks the road.
func (n Node) major() int {
	if n.Version.Known() && n.Version.Major < 2 {
		return 1
	}
	return 2
}

// explain works out the road, by the paths of the node.
func explain(ctx context.Context, n Node, ref spec.Reference, o Options) (Road, error) {
	road := Road{Image: ref.String(), Runtime: n.Runtime, Version: n.Said, Probed: o.Probe, Notes: slices.Clone(n.Notes)}
	if n.Broken != "" {
		road.Error = n.Broken
		return road, nil
	}
	if old(n.Version) && bracketed(ref.Domain) {
		road.Error = fmt.Sprintf("containerd 1.6 cannot read the reference %q: it knows no [ADDRESS] before 1.7", ref.String())
		return road, nil
	}
	load, file, err := n.load(&road, ref.Domain, o)
	if errors.Is(err, ErrRoot) || errors.Is(err, fs.ErrPermission) { // ours, not containerd's
		return road, err
	}
	if err != nil {
		road.Error = err.Error()
		return road, nil
	}
	hosts, err := load(ref.Domain)
	var fatal *loader.PanicError
	switch {
	case errors.As(err, &fatal):
		road.Error = "hosts.toml ends containerd at each pull of " + ref.Domain + ": " + fatal.Message
		return road, nil
	case errors.Is(err, fs.ErrPermission):
		return road, err
	case err != nil:
		road.Error = err.Error()
		return road, nil
	}
	for i, h := range hosts {
		road.Endpoints = append(road.Endpoints, describe(h, file, i == len(hosts)-1))
		if h.Host == "docker.io" || h.Host == "hub.docker.com" {
			road.Notes = append(road.Notes, h.Host+" is a web site; the registry is https://registry-1.docker.io")
		}
	}
	if n.Inline == nil {
		road.Notes = append(road.Notes, file.notes(n.major(), road.Endpoints)...)
	} else {
		road.authNotes(n.Inline, hosts)
	}
	road.Error = unresolvable(hosts, ref)
	if o.Probe && road.Error == "" {
		road.walk(ctx, n.major(), load, hosts, ref, o)
	}
	return road, nil
}

// below gives the node with the prefix before its directories.
func (n Node) below(prefix string) Node {
	n.prefix = prefix
	if prefix != "" {
		n.Dirs = slices.Clone(n.Dirs)
		for i := range n.Dirs {
			n.Dirs[i] = prefix + n.Dirs[i]
		}
	}
	return n
}

// load gives the loader that the node's containerd has, with what it finds: the directory, the file, the notes on them.
func (n Node) load(road *Road, registry string, o Options) (loader.HostFunc, hostsFile, error) {
	change := o.connect(n.HostsFile)
	if n.Inline != nil {
		road.File = n.Config
		if n.prefix != "" && len(n.Inline.TLS) > 0 {
			return nil, hostsFile{}, ErrRoot
		}
		return inline(n.Inline, change), hostsFile{}, nil
	}
	p := look(n.Dirs, registry)
	road.PassedOver, road.Directory = p.passed, p.dir
	if n.List != "" && len(n.Dirs) == 0 {
		for dir := range strings.SplitSeq(n.List, ":") {
			road.PassedOver = append(road.PassedOver, Passed{filepath.Join(dir, registry), "config_path is the list " + n.List + ", in which containerd 2.1 and later find nothing"})
		}
	}
	dir := p.dir
	file := hostsFile{dir: dir}
	if dir != "" {
		name := filepath.Join(dir, "hosts.toml")
		data, err := os.ReadFile(name)
		switch {
		case err == nil && len(data) > 0:
			road.File, file = name, parseHosts(dir, data)
			if n.prefix != "" && file.leads(n.prefix) {
				return nil, file, ErrRoot
			}
			if why := unread(n.Version, file, data); why != "" {
				road.Notes = append(road.Notes, why)
				road.File, file = "", hostsFile{dir: dir}
				if !certificates(dir) {
					dir = ""
				}
			}
		case err == nil:
			road.Notes = append(road.Notes, name+" is empty, which is as if it were not there")
		case errors.Is(err, fs.ErrPermission):
			return nil, file, err
		case os.IsNotExist(err):
			why := "no hosts.toml is in " + dir
			if target, err := os.Readlink(name); err == nil {
				why = name + " is a link to " + target + ", which is not there"
			}
			if certificates(dir) {
				why += ": its certificate files count, for the registry itself"
			} else {
				why += ": the registry itself is asked, as if there were no mirrors"
			}
			road.Notes = append(road.Notes, why)
		}
	}
	var logged []string
	secret := file.secret
	load, err := loader.Hosts(n.major(), loader.Options{
		Dir:    func(string) (string, error) { return dir, p.err },
		Logged: &logged, Client: change,
	})
	if err != nil {
		return nil, file, err
	}
	if old(n.Version) {
		load = asOld(n.Version, load, change)
	}
	told := false
	return func(registry string) ([]docker.RegistryHost, error) {
		logged = logged[:0]
		hosts, err := load(registry)
		if !told {
			told = true
			for _, line := range logged {
				road.logged(line, secret)
			}
		}
		return hosts, err
	}, file, nil
}

// position is where in a file a parser of TOML stumbled, as 1.x's and 2.x's say it.
var position = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\(\d+, \d+\)|line \d+`) })

// undecoded is how both majors log that they pass over a file: 1.x by its name, 2.x by its path.
var undecoded = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`failed to decode \S*hosts\.toml`) })

// logged makes a note of a line that containerd would only write to its log. Of a secret file it tells no more than the place.
func (r *Road) logged(line string, secret bool) {
	switch {
	case undecoded().MatchString(line) && secret:
		r.Notes = append(r.Notes, strings.TrimSuffix("the file is ignored, which containerd says in its log only: failed to decode hosts.toml: "+position().FindString(line), ": "))
	case strings.Contains(line, "will try HTTPS first"): // the endpoint's own words say so
	case undecoded().MatchString(line):
		r.Notes = append(r.Notes, "the file is ignored, which containerd says in its log only: "+strings.TrimPrefix(line, "error: "))
	default:
		r.Notes = append(r.Notes, "containerd logs "+line)
	}
}

// certificates reports whether a directory has files of the kind that Docker reads.
func certificates(dir string) bool {
	entries, _ := os.ReadDir(dir)
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		return !e.IsDir() && slices.Contains([]string{".crt", ".cert"}, filepath.Ext(e.Name()))
	})
}

// unresolvable says why nobody can be asked for the reference at all; empty where somebody can.
func unresolvable(hosts []docker.RegistryHost, ref spec.Reference) string {
	want := docker.HostCapabilityPull
	if ref.Digest == "" {
		want |= docker.HostCapabilityResolve
	}
	if slices.ContainsFunc(hosts, func(h docker.RegistryHost) bool { return h.Capabilities.Has(want) }) {
		return ""
	}
	if ref.Digest == "" {
		return "no endpoint may pull and resolve, so that no tag can be looked up: no resolve hosts: not found"
	}
	return "no endpoint may pull: no resolve hosts: not found"
}

// differs says how another major's road is another.
func differs(two, one Road) []string {
	asks := func(r Road) string {
		if r.Error != "" {
			return "fails: " + r.Error
		}
		var all []string
		for _, e := range r.Endpoints {
			caps := slices.DeleteFunc(slices.Clone(e.Capabilities), func(c string) bool { return c == "referrers" })
			s := e.URL
			if len(caps) < 2 || caps[0] != "pull" || caps[1] != "resolve" {
				s += " (" + strings.Join(caps, ", ") + ")"
			}
			if e.TLS != "verified" && e.TLS != "plain http" {
				s += " (" + e.TLS + ")"
			}
			all = append(all, s)
		}
		return "asks " + strings.Join(all, ", then ")
	}
	if asks(two) == asks(one) {
		return nil
	}
	return []string{"the version is not known, and matters here: containerd 1.x " + asks(one) + "; what stands here is 2.x"}
}
