package capture

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"github.com/regsync/regsync/internal/draft"
	"github.com/regsync/regsync/internal/loader"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// verify renders what was written and compares it with the node, and comments out what would change something, until nothing does.
func (c *capturer) verify() error {
	for {
		s, err := c.draft.Settle()
		if err != nil {
			return err
		}
		if !c.unequal(s) {
			return nil
		}
	}
}

// unequal comments out what would change something, and reports whether there was anything.
func (c *capturer) unequal(s *spec.Spec) bool {
	in := c.Inputs
	in.Archives = nil
	var left bool
	if in.Files, left = c.certificates(s); left {
		return true
	}
	in.Credentials = map[string]render.Login{}
	for _, use := range s.CredentialUses() {
		in.Credentials[use.Path] = c.draft.Login(use.Credential)
	}
	rendered := *s
	rendered.Preload = nil // an image is the store's affair
	desired, err := render.Render(&rendered, in)
	if err != nil {
		return c.refused(s, err)
	}
	for _, r := range desired.Resources {
		switch {
		case r.Scope == render.Whole && path.Base(r.Name) == render.HostsTOML:
			left = c.compare(r) || left
		case r.Scope == render.Block:
			left = c.addsLines(r) || left
		case r.Scope == render.JSONKeys:
			left = c.changesDaemon(r) || left
		}
	}
	return left
}

// certificates reads what the file names. What cannot be read would keep the file from being applied.
func (c *capturer) certificates(s *spec.Spec) (files map[string][]byte, left bool) {
	files = map[string][]byte{}
	for _, ref := range s.Files() {
		data, err := c.Read(ref.File)
		if err == nil && data == nil {
			err = fmt.Errorf("%q is not there", ref.File)
		}
		if err == nil && ref.Kind == spec.FileCA {
			_, err = spec.CheckPEM(fmt.Sprintf("%q", ref.File), data)
		}
		if err != nil && c.draft.LeaveAt(ref.Path, err.Error()) {
			return nil, true // the places of what follows are others now
		}
		files[ref.File] = data
	}
	return files, left
}

// refused comments out what rendering refuses.
func (c *capturer) refused(s *spec.Spec, err error) bool {
	var many *multierror.Error
	if !errors.As(err, &many) {
		many = &multierror.Error{Errors: []error{err}}
	}
	for _, err := range many.Errors {
		p := (*spec.Problem)(nil)
		if !errors.As(err, &p) {
			p = &spec.Problem{Message: err.Error()}
		}
		if c.draft.LeaveAt(p.Path, p.Message) || c.draft.LeaveAt(pathOf(s, p.Position), p.Message) {
			return true
		}
	}
	// The node itself is what cannot be worked on: its config, say. Then nothing can be taken over.
	left := false
	for _, e := range c.draft.Entries {
		if e.Left == "" {
			e.Leave("regsync cannot work on this node: %v", many.Errors[0])
			left = true
		}
	}
	return left
}

// pathOf gives the path of the entry that a position is in.
func pathOf(s *spec.Spec, at spec.Position) string {
	for i, r := range s.Registries {
		if r.Pos == at {
			return fmt.Sprintf("registries[%d]", i)
		}
	}
	for i, m := range s.Mirrors {
		if m.Pos == at || slices.ContainsFunc(m.Endpoints, func(e spec.Endpoint) bool { return e.Pos == at }) {
			return fmt.Sprintf("mirrors[%d]", i)
		}
	}
	for i, in := range s.Insecure {
		if in.Pos == at {
			return fmt.Sprintf("insecure[%d]", i)
		}
	}
	for i, h := range s.EtcHosts {
		if h.Pos == at {
			return fmt.Sprintf("etcHosts[%d]", i)
		}
	}
	return ""
}

// compare compares a rendered hosts.toml with what stood there.
func (c *capturer) compare(r render.Resource) (left bool) {
	dir := path.Dir(r.Name)
	host := loader.Host(path.Base(dir))
	i := slices.IndexFunc(c.draft.Entries, func(e *draft.Entry) bool { return e.Host == host && e.Left == "" })
	if i < 0 {
		return false // carried over from the config, as it is
	}
	before, ok := c.before[host]
	if n := len(before); ok && host == spec.AnyRegistry && n > 0 && strings.Contains(before[n-1].URL, "://"+anyone+"/") {
		before = before[:n-1]
	}
	if why := draft.Differ(c.heard(before), draft.Distinct(asksFor(r.Asks, dir, c.content), host)); ok && why != "" {
		c.draft.Entries[i].Leave("%s", why)
		return true
	}
	return false
}

// content gives what is in a file of the node; empty where that cannot be read.
func (c *capturer) content(file string) string {
	data, err := c.Read(file)
	if err != nil {
		return ""
	}
	return string(data)
}

// heard gives whom containerd asks with certificates by their content, and without what its version does not hear: 1.x knows no
// dial_timeout, whatever stands in its files.
func (c *capturer) heard(asks []draft.Ask) []draft.Ask {
	asks = slices.Clone(asks)
	for i := range asks {
		a := &asks[i]
		a.CA, a.Client = slices.Clone(a.CA), slices.Clone(a.Client)
		for j := range a.CA {
			a.CA[j] = c.content(a.CA[j])
		}
		for j, pair := range a.Client {
			a.Client[j] = [2]string{c.content(pair[0]), c.content(pair[1])}
		}
		if c.Inputs.Containerd.Before(2, 0) {
			asks[i].Dial = ""
		}
	}
	return asks
}

// addsLines comments out the lines of the hosts file if regsync would add any.
func (c *capturer) addsLines(r render.Resource) (left bool) {
	next, err := r.Propose(c.HostsFile)
	if err == nil && render.Same(next, c.HostsFile) {
		return false
	}
	for i := range c.draft.Hosts {
		if c.draft.Hosts[i].Left == "" {
			c.draft.Hosts[i].Left = "regsync would write lines of its own"
			left = true
		}
	}
	return left
}

// changesDaemon leaves Docker alone if regsync would change its file.
func (c *capturer) changesDaemon(r render.Resource) bool {
	next, err := r.Propose(c.DaemonJSON)
	if err == nil && render.Same(next, c.DaemonJSON) {
		return false
	}
	file := c.Inputs.Layout.DaemonJSON
	c.Inputs.Layout.DaemonJSON = ""
	c.draft.Node.Docker.Manage = "never"
	why := "what stands here would be added to " + file
	if err != nil {
		why = err.Error()
	}
	c.draft.NodeNotes = append(c.draft.NodeNotes, fmt.Sprintf("Docker is left alone: %s. Take the line out to have Docker follow this file", why))
	for i := range c.draft.Insecure {
		if c.draft.Insecure[i].Left == "" {
			c.draft.Insecure[i].Left = "Docker's alone, and Docker is left alone"
		}
	}
	return true
}
