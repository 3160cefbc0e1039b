package draft

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/hashicorp/go-multierror"

	"github.com/regsync/regsync/spec"
)

// Settle has everything commented out that the file cannot say, with the reason, until the file is valid, and gives it as it is loaded then.
func (d *Draft) Settle() (*spec.Spec, error) {
	for {
		d.verified()
		text, err := d.YAML()
		if err != nil {
			return nil, err
		}
		s, _, err := spec.Load([]spec.Source{{Name: "draft", Data: text}}, spec.Facts{})
		if err == nil {
			return s, nil
		}
		if !d.leave(err) {
			return nil, fmt.Errorf("writing a file that regsync reads: %w", err)
		}
	}
}

// verified leaves out entries whose endpoints are not verified where another entry has the same endpoint verified: the file says it once for
// each endpoint.
func (d *Draft) verified() {
	needed := map[string]string{} // host:port whose certificate is verified, and for which registry
	for _, e := range d.Entries {
		for _, host := range e.verifies() {
			if _, ok := needed[host]; !ok && e.Left == "" {
				needed[host] = e.Host
			}
		}
	}
	for _, e := range d.Entries {
		for _, in := range e.Insecure {
			host := strings.TrimSuffix(in.Host(), ":443")
			if other, ok := needed[host]; ok && in.SkipVerify() && other != e.Host {
				e.Leave("it does not verify https://%s, which is verified for %s; the file can say one of the two", host, other)
			}
		}
	}
}

// verifies gives the endpoints of an entry that are asked by https and verified.
func (e *Entry) verifies() []string {
	var urls []string
	asked := e.Mirror == nil || e.Mirror.Fallback || len(e.Mirror.Endpoints) == 0
	switch {
	case e.Registry != nil && e.Registry.Blocked, e.Host == spec.AnyRegistry, !asked:
	case e.Registry != nil && e.Registry.Server != "":
		urls = append(urls, e.Registry.Server)
	case !slices.ContainsFunc(e.Insecure, func(in spec.Insecure) bool { return !in.Only && in.Host() == e.Host }):
		urls = append(urls, "https://"+e.Host)
	}
	if e.Mirror != nil {
		for _, m := range e.Mirror.Endpoints {
			urls = append(urls, m.URL)
		}
	}
	var hosts []string
	for _, url := range urls {
		rest, ok := strings.CutPrefix(url, "https://")
		host, _, _ := strings.Cut(rest, "/")
		host = strings.TrimSuffix(host, ":443")
		skipped := slices.ContainsFunc(e.Insecure, func(in spec.Insecure) bool {
			return in.SkipVerify() && strings.TrimSuffix(in.Host(), ":443") == host
		})
		if ok && !skipped {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// leave comments out what the first of a file's problems is about, and reports whether it was anything: with it the places of those that follow
// change.
func (d *Draft) leave(err error) bool {
	var many *multierror.Error
	if !errors.As(err, &many) {
		return false
	}
	for _, err := range many.Errors {
		p := (*spec.Problem)(nil)
		if errors.As(err, &p) && d.LeaveAt(p.Path, p.Message) {
			return true
		}
	}
	return false
}

var element = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([a-zA-Z]+)\[(\d+)\]`) })

// LeaveAt comments out what stands at a path of the file, as in mirrors[1].endpoints[0].url, and reports whether anything does.
func (d *Draft) LeaveAt(path, why string) bool {
	m := element().FindStringSubmatch(path)
	if m == nil {
		return false
	}
	i, err := strconv.Atoi(m[2])
	if err != nil {
		return false
	}
	why = strings.TrimPrefix(path[len(m[0]):]+": "+why, ".")
	why = strings.TrimPrefix(why, ": ")
	switch m[1] {
	case "registries":
		return d.leaveNth(i, why, func(e *Entry) bool { return e.Registry != nil })
	case "mirrors":
		return d.leaveNth(i, why, func(e *Entry) bool { return e.Mirror != nil })
	case "insecure":
		return d.leaveInsecure(i, why)
	case "credentials":
		return d.leaveCredential(i, why)
	case "etcHosts":
		return leaveNth(d.Hosts, i, why)
	case "preload":
		return leaveNth(d.Preload, i, why)
	case "pullSecrets":
		return leaveNth(d.PullSecrets, i, why)
	}
	return false
}

// leaveNth leaves out the i-th of the entries that are in a section.
func (d *Draft) leaveNth(i int, why string, in func(*Entry) bool) bool {
	for _, e := range d.Entries {
		if e.Left != "" || !in(e) {
			continue
		}
		if i--; i < 0 {
			e.Leave("%s", why)
			return true
		}
	}
	return false
}

func leaveNth[T any](list []Noted[T], i int, why string) bool {
	for k := range list {
		if list[k].Left != "" {
			continue
		}
		if i--; i < 0 {
			list[k].Left = why
			return true
		}
	}
	return false
}

// leaveInsecure leaves out what needs the i-th of insecure: the value by itself, else the last entry that needs it.
func (d *Draft) leaveInsecure(i int, why string) bool {
	all := d.allowed(false)
	if i >= len(all) {
		return false
	}
	value := all[i].Value.Value
	for k := range d.Insecure {
		if d.Insecure[k].Left == "" && d.Insecure[k].Value.Value == value {
			d.Insecure[k].Left = why
			return true
		}
	}
	for _, e := range slices.Backward(d.Entries) {
		if e.Left == "" && slices.ContainsFunc(e.Insecure, func(in spec.Insecure) bool { return in.Value == value }) {
			e.Leave("%s: %s", value, why)
			return true
		}
	}
	return false
}

// leaveCredential leaves out the i-th of credentials, and the entries that name it.
func (d *Draft) leaveCredential(i int, why string) bool {
	all := slices.DeleteFunc(d.credentials(), func(n Noted[spec.Credential]) bool { return n.Left != "" })
	if i >= len(all) {
		return false
	}
	name, found := all[i].Value.Name, false
	for k := range d.Credentials {
		if d.Credentials[k].Value.Name == name {
			d.Credentials[k].Left, found = why, true
		}
	}
	for k := range d.PullSecrets {
		if p := &d.PullSecrets[k]; p.Left == "" && slices.Contains(p.Value.Credentials, name) {
			p.Left, found = fmt.Sprintf("its credential %s: %s", name, why), true
		}
	}
	for _, e := range d.Entries {
		if slices.ContainsFunc(e.Credentials, func(c spec.Credential) bool { return c.Name == name }) {
			e.Leave("its credential %s: %s", name, why)
			found = true
		}
	}
	return found
}
