package draft

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// Express makes of whom containerd asks what the file says. implicit says that the last one is the registry itself because nothing else is
// said. What cannot be said leaves the entry out.
func (d *Draft) Express(e *Entry, asks []Ask, implicit bool) {
	if len(asks) == 0 {
		e.Leave("nobody is asked")
		return
	}
	for _, a := range asks {
		if a.How != "" {
			e.Leave("%s: %s", a.URL, a.How)
		}
	}
	last := asks[len(asks)-1]
	switch {
	case e.Host == spec.AnyRegistry && implicit:
		if !slices.Equal(last.Caps, AllCaps) || !last.sameWay(Ask{URL: last.URL}) {
			e.Leave("what stands at its root holds for the registry itself of each image, which %q cannot say", spec.AnyRegistry)
		}
		d.mirrors(e, asks[:len(asks)-1], true)
	case e.Host == spec.AnyRegistry:
		d.mirrors(e, asks, false)
	case len(asks) == 1 && slices.Equal(last.Caps, []string{"push"}) && last.sameWay(Ask{URL: Upstream(e.Host)}):
		e.Registry = &spec.Registry{Host: e.Host, Blocked: true}
	case slices.Equal(last.Caps, AllCaps) && servable(last.URL):
		d.server(e, last)
		d.mirrors(e, asks[:len(asks)-1], true)
		if e.Registry == nil && e.Mirror == nil && !slices.ContainsFunc(e.Insecure, func(in spec.Insecure) bool { return !in.Only }) {
			e.Registry = &spec.Registry{Host: e.Host}
		}
	default:
		d.mirrors(e, asks, false)
	}
}

// server says who is asked last: the registry itself, or where it really is.
func (d *Draft) server(e *Entry, a Ask) {
	r := spec.Registry{Host: e.Host}
	end, why := d.endpoint(e, a)
	if why != "" {
		e.Leave("%s", why)
		return
	}
	if own := a.URL == "http://"+e.Host+"/v2"; !own && a.URL != Upstream(e.Host) {
		r.Server = end.URL
	}
	r.TLS, r.Credentials, r.Header, r.DialTimeout = end.TLS, end.Credentials, end.Header, end.DialTimeout
	if r.Server != "" || len(r.CA) > 0 || r.Client != nil || r.Credentials != "" || r.Header != nil || r.DialTimeout != 0 {
		e.Registry = &r
	}
	for i := range e.Insecure {
		// A registry that is insecure itself may be named as one.
		in := &e.Insecure[i]
		in.Only = in.Only && a.URL != "http://"+e.Host+"/v2"
	}
}

// mirrors says who is asked before, or, without the registry itself, alone.
func (d *Draft) mirrors(e *Entry, asks []Ask, fallback bool) {
	if len(asks) == 0 {
		if e.Host == spec.AnyRegistry {
			e.Leave("it names nobody but the registry itself")
		}
		return
	}
	m := &spec.Mirror{Registry: e.Host, Fallback: fallback}
	for _, a := range asks {
		end, why := d.endpoint(e, a)
		if why != "" {
			e.Leave("%s", why)
		}
		m.Endpoints = append(m.Endpoints, end)
	}
	e.Mirror = m
}

// endpoint says how one place is asked. The reason is why it cannot be said.
func (d *Draft) endpoint(e *Entry, a Ask) (end spec.Endpoint, why string) {
	u, err := url.Parse(a.URL)
	if err != nil || u.Host == "" {
		return spec.Endpoint{URL: a.URL}, fmt.Sprintf("%s is no URL that can be asked", a.URL)
	}
	root, override := location(a.URL)
	end = spec.Endpoint{URL: root, OverridePath: override, Capabilities: a.Caps}
	end.CA = a.CA
	if len(a.Client) == 1 {
		end.Client = &spec.ClientCert{Cert: a.Client[0][0], Key: a.Client[0][1]}
	}
	if a.Dial != "" {
		d, err := time.ParseDuration(a.Dial)
		if end.DialTimeout = spec.Duration(d); err != nil || d <= 0 {
			why = fmt.Sprintf("the dial_timeout of %s is %q, which regsync does not take", a.URL, a.Dial)
		}
	}
	if root == "" || u.Path == "" || u.Path == "/" {
		why = fmt.Sprintf("%s is asked without /v2, which no registry answers", a.URL)
	}
	switch {
	case u.Scheme == "http":
		e.Allow(spec.Insecure{Value: u.Host, Only: true})
	case a.Skip:
		e.Allow(spec.Insecure{Value: "https://" + u.Host, Only: strings.TrimSuffix(u.Host, ":443") != e.Host})
	}
	if missing := d.header(e, &end, a, u.Host); missing != "" {
		why = missing
	}
	return end, why
}

// location gives an API root as the file has it.
func location(api string) (root string, override spec.Override) {
	scheme, rest, _ := strings.Cut(api, "://")
	host, p, _ := strings.Cut(rest, "/")
	p = (&url.URL{Path: "/" + p}).EscapedPath()
	plain, ends := strings.CutSuffix(p, "/v2")
	switch {
	case ends && !strings.HasPrefix(p, "/v2/") && !strings.HasSuffix(plain, "/v2"):
		return scheme + "://" + host + plain, spec.OverrideAuto // containerd adds it
	case strings.HasPrefix(p, "/v2/"), strings.HasSuffix(p, "/v2"):
		return scheme + "://" + host + p, spec.OverrideAuto
	}
	return scheme + "://" + host + p, spec.OverrideYes
}

// servable reports whether an API root can be a registry's server, which has no overridePath.
func servable(api string) bool {
	_, override := location(api)
	return override == spec.OverrideAuto
}

// Allow lists what an endpoint of the entry needs under insecure.
func (e *Entry) Allow(in spec.Insecure) {
	i := slices.IndexFunc(e.Insecure, func(o spec.Insecure) bool { return o.Value == in.Value })
	if i < 0 {
		e.Insecure = append(e.Insecure, in)
	}
}

// header says which headers are sent. User name and password become a credential; any other secret cannot be said without showing it.
func (d *Draft) header(e *Entry, end *spec.Endpoint, a Ask, host string) (why string) {
	for _, name := range slices.Sorted(maps.Keys(a.Header)) {
		values := a.Header[name]
		if !render.Credential(name) {
			if end.Header == nil {
				end.Header = map[string][]string{}
			}
			end.Header[name] = values
			continue
		}
		user, password, ok := basic(name, values)
		if !ok {
			why = fmt.Sprintf("the header %s of %s looks like a secret that is no user name with a password, and is not shown", name, host)
			continue
		}
		end.Credentials = d.credential(e, host, user, password, a.Where)
	}
	return why
}

// basic reads the header of basic authentication.
func basic(name string, values []string) (user, password string, ok bool) {
	if !strings.EqualFold(name, "Authorization") || len(values) != 1 {
		return "", "", false
	}
	scheme, code, _ := strings.Cut(values[0], " ")
	text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(code))
	if err != nil || !strings.EqualFold(scheme, "basic") {
		return "", "", false
	}
	user, password, ok = strings.Cut(string(text), ":")
	return user, password, ok && user != "" && values[0] == "Basic "+base64.StdEncoding.EncodeToString(text)
}
