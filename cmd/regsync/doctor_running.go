package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/platforms"
	"golang.org/x/net/http/httpproxy"
	"golang.org/x/sys/unix"

	"github.com/regsync/regsync/internal/docker"
	"github.com/regsync/regsync/internal/doctor"
	"github.com/regsync/regsync/internal/probe"
	"github.com/regsync/regsync/internal/runtime"
	"github.com/regsync/regsync/render"
)

// nameTime is how long a name server is given.
const nameTime = 2 * time.Second

// miss notes what could not be looked at.
func (e *examination) miss(what string, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		what += ": " + err.Error()
	}
	e.unseen = append(e.unseen, what)
}

// askRuntime asks containerd who it is, and whether its CRI is there.
func (e *examination) askRuntime(ctx context.Context, v *services) {
	if v.socket == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	version, said, err := runtime.Version(ctx, v.socket)
	if err != nil {
		e.facts.Down = err.Error()
		return
	}
	v.asked, v.running = true, version
	if !e.facts.Version.Known() {
		e.facts.Version = version
	}
	if !version.Known() {
		e.miss(fmt.Sprintf("what is particular to containerd's version, which calls itself %q", said), nil)
	}
	var plugin *runtime.PluginError
	switch err := runtime.CRI(ctx, v.socket); {
	case errors.As(err, &plugin), errors.Is(err, runtime.ErrNoCRI):
		e.facts.CRI = err.Error()
	}
}

// askConfig finds out whether containerd runs with what its config says.
func (e *examination) askConfig(ctx context.Context, v *services) {
	c := &e.facts.Config
	asked := v.socket != "" && e.facts.Down == "" || v.baking && v.Runtime == render.MicroK8s // there the file that was made of the template tells
	if c.Data == nil || c.Broken != nil || !asked {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	s := &survey{site: &site{root: e.root}}
	c.Stale = s.notLoaded(ctx, v, c.Parsed, e.place.Imports)
}

// askDocker reads daemon.json, lets dockerd or its rules judge it, and asks dockerd what it has loaded.
func (e *examination) askDocker(ctx context.Context, v *services) error {
	if !docker.Installed(e.root.Exists) {
		return nil
	}
	d := &e.facts.Docker
	d.Installed = true
	var err error
	if d.Config, err = e.file(v.DaemonJSON); err != nil || d.Config.Data == nil {
		return err
	}
	daemon := docker.Daemon{Root: e.root.Dir(), ConfigFile: v.DaemonJSON}
	if !v.baking {
		daemon = v.docker
	}
	d.Refusal = daemon.Validate(ctx, d.Config.Data)
	if d.Refusal != nil {
		return nil
	}
	if d.Clash, d.Flag, err = daemon.FlagClash(render.DaemonKeys(d.Config.Data)); err != nil {
		return err
	}
	e.facts.Wanted = append(e.facts.Wanted, doctor.NamedInDocker(d.Config)...)
	if v.baking {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	info, err := daemon.Info(ctx)
	switch {
	case errors.Is(err, docker.ErrNotRunning):
	case err != nil:
		e.miss("what dockerd has loaded", err)
	default:
		d.Missing = info.Missing(d.Config.Data)
	}
	return nil
}

// askImages looks into containerd's store, and at the disk that it is on.
func (e *examination) askImages(ctx context.Context, v *services) {
	if v.socket == "" || e.facts.Down != "" {
		return
	}
	store, err := e.openStore(ctx, v)
	if err != nil {
		e.miss("images", err)
		return
	}
	defer store.Close()
	held, err := store.Held(ctx, platforms.Format(platforms.DefaultSpec()))
	if err != nil {
		e.miss("images", err)
	}
	for _, h := range held {
		e.facts.Images = append(e.facts.Images, doctor.Image{Name: h.Name, Pinned: h.Pinned, Pulled: h.Pulled, Missing: h.Missing})
	}
	slices.SortFunc(e.facts.Images, func(a, b doctor.Image) int { return strings.Compare(a.Name, b.Name) })
	if e.facts.Elsewhere, err = store.Elsewhere(ctx); err != nil {
		e.miss("images in other namespaces", err)
	}
	var st unix.Statfs_t
	if on, err := e.root.Path(store.Root()); store.Root() != "" && err == nil && unix.Statfs(on, &st) == nil {
		e.facts.Disk = &doctor.Disk{Path: store.Root(), Capacity: st.Blocks * uint64(st.Bsize), Available: st.Bavail * uint64(st.Bsize)}
	}
}

// askNetwork asks the endpoints that files name, and the name servers for names that /etc/hosts has too.
func (e *examination) askNetwork(ctx context.Context) {
	if e.offline {
		e.miss("endpoints and name servers, since --offline is said", nil)
		return
	}
	var all sync.WaitGroup
	all.Go(func() { e.askEndpoints(ctx) })
	all.Go(func() { e.askNames(ctx) })
	all.Wait()
	e.facts.Listening = runtime.Listening(e.tcpTables()...)
	addresses, _ := net.InterfaceAddrs()
	for _, a := range addresses {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			e.facts.Own = append(e.facts.Own, p.Addr())
		}
	}
}

func (e *examination) askEndpoints(ctx context.Context) {
	f := &e.facts
	whom := probe.Whom{Root: e.root.Dir(), Version: f.Version, Lax: doctor.Unverified(e.spec)}
	directories := map[string]doctor.Directory{}
	named := map[string]bool{}
	for _, d := range f.Directories {
		if d.Hosts.Data != nil && !hidden(f.Directories, d) {
			whom.Directories = append(whom.Directories, d.Path)
			directories[d.Path] = d
		}
	}
	whom.Wanted = func(dir, api string) bool { return doctor.Mentions(directories[dir], api) }
	for _, w := range doctor.NamedIn(f.Directories) {
		named[w.URL] = true
	}
	for _, w := range f.Wanted {
		if w.URL != "" && !named[w.URL] && w.Program == "containerd" {
			named[w.URL] = true
			whom.URLs = append(whom.URLs, w.URL)
		}
	}
	if e.host != "" {
		whom.HostsFile = f.Hosts.Data
	}
	for _, p := range f.Proxies {
		if p.Program == "containerd" {
			whom.Proxy = (&httpproxy.Config{HTTPProxy: p.HTTP, HTTPSProxy: p.HTTPS, NoProxy: p.Except}).ProxyFunc()
		}
	}
	greetings, err := probe.Greet(ctx, whom)
	if err != nil {
		if ctx.Err() == nil {
			e.miss("endpoints", err)
		}
		return
	}
	for _, c := range greetings {
		f.Contacts = append(f.Contacts, doctor.Located(c, f.Directories, f.Wanted))
	}
	if slices.ContainsFunc(f.Contacts, func(c doctor.Contact) bool { return c.BuiltIn() && c.Failure != "" }) {
		e.askAddOn(ctx)
	}
}

// hidden reports whether another directory stands before this one, so that nothing in it is asked.
func hidden(all []doctor.Directory, d doctor.Directory) bool {
	i := strings.LastIndexByte(d.Name, ':')
	return i > 0 && slices.ContainsFunc(all, func(o doctor.Directory) bool { return o.Name == d.Name[:i]+"_"+d.Name[i+1:]+"_" && o.Dangling == "" })
}

func (e *examination) askNames(ctx context.Context) {
	servers := e.nameServers()
	if len(servers) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, nameTime)
	defer cancel()
	resolved := map[string][]netip.Addr{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, name := range doctor.Listed(e.facts) {
		all.Go(func() {
			addresses, err := probe.DNS(ctx, servers[0], name)
			if err != nil {
				return // no answer is no other answer
			}
			mu.Lock()
			defer mu.Unlock()
			resolved[name] = addresses
		})
	}
	all.Wait()
	e.facts.Resolved = resolved
}
