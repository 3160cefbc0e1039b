package probe

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/regsync/regsync/internal/loader"
	"github.com/regsync/regsync/render"
)

// Reading is what a containerd makes of the files of one registry, for a program: a [Road] says it for people.
type Reading struct {
	Directory  string // of certs.d, as the node names it; empty: none is taken
	File       string // the hosts.toml that is read, or the config with inline mirrors; empty: none
	PassedOver []Passed
	Hosts      []Host // whom it asks, in order
	Notes      []string
	Ignored    bool   // there is a hosts.toml, and containerd passes over it
	Drawn      bool   // the order of the hosts is drawn anew at each request
	Error      string // what every pull fails with; empty: nothing is known to
}

// Host is one place that is asked.
type Host struct {
	loader.Endpoint
	CA          []string    // the files that hold authorities, by their absolute paths on the node
	Client      [][2]string // certificates and keys, in the same way
	DialTimeout string      // as it stands; empty: none
	Doubtful    bool        // two tables are of this API root, and the files may be those of the other
}

// Read says what the node's containerd makes of registries. Where its version is not known it is 2.x.
func Read(ctx context.Context, n Node, registries []string) ([]Reading, error) {
	all := make([]Reading, len(registries))
	var err error
	failed := within(n.Root, func(prefix string) {
		below := n.below(prefix)
		for i, registry := range registries {
			if all[i], err = readingOf(ctx, below, registry); err != nil {
				return
			}
			all[i].strip(prefix)
		}
	})
	return all, errors.Join(failed, err)
}

// readingOf reads one registry.
func readingOf(ctx context.Context, n Node, registry string) (Reading, error) {
	road := Road{Notes: slices.Clone(n.Notes)}
	r := Reading{}
	if n.Broken != "" {
		r.Error = n.Broken
		return r, ctx.Err()
	}
	load, file, err := n.load(&road, registry, Options{})
	if errors.Is(err, ErrRoot) || errors.Is(err, fs.ErrPermission) {
		return r, err
	}
	if err == nil {
		r.Hosts, err = hostsOf(load, file, registry)
		inlineFiles(r.Hosts, n.Inline)
	}
	if errors.Is(err, fs.ErrPermission) {
		return r, err
	}
	if fatal := (*loader.PanicError)(nil); errors.As(err, &fatal) {
		r.Error = "hosts.toml ends containerd at each pull of " + registry + ": " + fatal.Message
	} else if err != nil {
		r.Error = err.Error()
	}
	r.Directory, r.File, r.PassedOver, r.Drawn = road.Directory, road.File, road.PassedOver, file.drawn && n.major() < 2
	r.Ignored = unread(n.Version, file, []byte("x")) != "" && r.File != ""
	if n.Inline == nil && r.Error == "" {
		var asks []Endpoint
		for _, h := range r.Hosts {
			asks = append(asks, Endpoint{URL: h.URL})
		}
		road.Notes = append(road.Notes, file.notes(n.major(), asks)...)
	}
	for _, note := range road.Notes[len(n.Notes):] {
		r.Ignored = r.Ignored || strings.Contains(note, "the file is ignored")
		r.Notes = append(r.Notes, note)
	}
	return r, nil
}

// hostsOf lists whom the loader gives, with the files that their connections need.
func hostsOf(load loader.HostFunc, file hostsFile, registry string) ([]Host, error) {
	list, err := load(registry)
	var hosts []Host
	for i, h := range list {
		upstream := i == len(list)-1
		e := Host{Endpoint: loader.Describe(h)}
		table := file.of(e.URL, upstream)
		e.CA = file.files(table, "ca")
		e.DialTimeout, _ = table["dial_timeout"].(string)
		e.Client = file.pairs(table["client"])
		e.Doubtful = !upstream && file.twice(e.URL)
		hosts = append(hosts, e)
	}
	return hosts, err
}

// pairs gives the client certificates that a value means, each with the file of its key: a string is a file with both in it, and so is each
// string of a list (parseHostConfig of remotes/docker/config).
func (f hostsFile) pairs(client any) [][2]string {
	list, ok := client.([]any)
	if !ok {
		list = []any{client}
	}
	var pairs [][2]string
	for _, x := range list {
		names := f.files(map[string]any{"client": x}, "client")
		if len(names) > 0 {
			pairs = append(pairs, [2]string{names[0], names[len(names)-1]})
		}
	}
	return pairs
}

// inlineFiles adds the files that the config names for TLS, where hosts stand in it inline.
func inlineFiles(hosts []Host, c *render.RegistryConfig) {
	if c == nil {
		return
	}
	for i := range hosts {
		_, rest, _ := strings.Cut(hosts[i].URL, "://")
		authority, _, _ := strings.Cut(rest, "/")
		j := slices.IndexFunc(c.TLS, func(t render.InlineTLS) bool { return t.Host == authority })
		if j < 0 || strings.HasPrefix(hosts[i].URL, "http://") {
			continue
		}
		if t := c.TLS[j]; t.CAFile != "" {
			hosts[i].CA = []string{t.CAFile}
		}
		if t := c.TLS[j]; t.CertFile != "" && t.KeyFile != "" {
			hosts[i].Client = [][2]string{{t.CertFile, t.KeyFile}}
		}
	}
}

func (r *Reading) strip(prefix string) {
	road := Road{Directory: r.Directory, File: r.File, PassedOver: r.PassedOver, Notes: r.Notes, Error: r.Error}
	road.strip(prefix)
	r.Directory, r.File, r.Error = road.Directory, road.File, road.Error
}
